// What a field's policy makes of the time for which its values are fresh, and what HTTP caches are told about it.
import { describe, expect, it } from 'vitest';
import type { FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { cacheControlOf, digestOf, newSchema } from './world.ts';

describe('http', () => {
  it('promises no longer than the value is fresh, although jitter shortened that', async () => {
    const world = await newSchema((builder) => {
      builder.queryField('n', (t) =>
        t.int({ cache: { scope: 'public', ttl: '10s', jitter: 0.5, http: '10s' }, resolve: () => 1 }),
      );
    });
    expect(await cacheControlOf(world.schema, '{ n }')).toBe('public, max-age=5, must-revalidate');
    world.clock.advance(2_500);
    expect(await cacheControlOf(world.schema, '{ n }')).toBe('public, max-age=2, must-revalidate');
  });

  it('promises no longer than a function ttl says', async () => {
    const world = await newSchema((builder) => {
      builder.queryField('n', (t) =>
        t.int({ cache: { scope: 'public', ttl: () => '7s', http: '1h' }, resolve: () => 1 }),
      );
    });
    expect(await cacheControlOf(world.schema, '{ n }')).toBe('public, max-age=7, must-revalidate');
  });

  it('promises nothing for a value that is not stored', async () => {
    const world = await newSchema((builder) => {
      builder.queryField('n', (t) =>
        t.int({ cache: { scope: 'public', ttl: () => null, http: '1h' }, resolve: () => 1 }),
      );
    });
    expect(await cacheControlOf(world.schema, '{ n }')).toBe('private, no-cache');
  });
});

describe('a field', () => {
  it('has a function ttl that receives the arguments and the value, with their types', async () => {
    const { run } = await newSchema((builder) => {
      const Match = builder.objectRef<{ id: number; isLive: boolean }>('Match').implement({
        fields: (t) => ({ id: t.exposeInt('id') }),
      });
      builder.queryField('matches', (t) =>
        t.field({
          type: [Match],
          args: { season: t.arg.int({ required: true }) },
          cache: {
            scope: 'public',
            ttl: ({ season }, matches) => {
              if (season < 2026) return '1d';
              return matches?.some(({ isLive }) => isLive) === true ? '1s' : '5m';
            },
          },
          resolve: (_parent, { season }) => [{ id: season, isLive: season === 2026 }],
        }),
      );
    });
    const ttls = '{ a: matches(season: 2025) { id } b: matches(season: 2026) { id } c: matches(season: 2027) { id } }';
    expect((await run(ttls)).rows.map(({ ttlMs }) => ttlMs)).toEqual([86_400_000, 1_000, 300_000]);
    expect((await run(ttls)).states).toBe('hit hit hit');
  });

  it('has a nullTtl for null, and says in its report why a value is not stored', async () => {
    const { run } = await newSchema((builder) => {
      builder.queryFields((t) => ({
        short: t.int({ nullable: true, cache: { scope: 'public', ttl: '1m', nullTtl: '5s' }, resolve: () => null }),
        never: t.int({ nullable: true, cache: { scope: 'public', ttl: '1m', nullTtl: null }, resolve: () => null }),
        invalid: t.int({ cache: { scope: 'public', ttl: () => '2d' }, resolve: () => 1 }),
      }));
    });
    const { data, rows } = await run('{ short never invalid }');
    expect(data).toEqual({ short: null, never: null, invalid: 1 });
    expect(rows.map(({ ttlMs, notStored }) => ttlMs ?? notStored)).toEqual([
      5_000,
      'null, and nullTtl is null',
      'ttl must return null or a whole number with a unit (ms, s, m, h, d), 1ms to 86400000ms, got "2d"',
    ]);
    expect((await run('{ short never invalid }')).states).toBe('hit miss miss');
  });

  it.each<[string, Omit<FieldCacheOptions, 'scope'>, Omit<FieldCacheOptions, 'scope'>]>([
    ['a function ttl', { ttl: '1d' }, { ttl: () => '1d' }],
    ['a nullTtl', { ttl: '1d' }, { ttl: '1d', nullTtl: '5s' }],
    ['another nullTtl', { ttl: '1d', nullTtl: null }, { ttl: '1d', nullTtl: '5s' }],
  ])('with %s has other keys than without', async (_, one, two) => {
    const digests = [one, two].map(async (cache) => {
      const { schema } = await newSchema((builder) => {
        builder.queryField('n', (t) => t.int({ cache: { ...cache, scope: 'public' }, resolve: () => 1 }));
      });
      return digestOf(schema, '{ n }');
    });
    const [first, second] = await Promise.all(digests);
    expect(first).not.toBe(second);
  });

  it('with another jitter has the same keys: values are fresh for ttl at most with both', async () => {
    const digests = [0, 0.1].map(async (jitter) => {
      const { schema } = await newSchema((builder) => {
        builder.queryField('n', (t) => t.int({ cache: { ttl: '1m', jitter, scope: 'public' }, resolve: () => 1 }));
      });
      return digestOf(schema, '{ n }');
    });
    const [first, second] = await Promise.all(digests);
    expect(first).toBe(second);
  });
});
