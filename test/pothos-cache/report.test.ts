// `cacheReportOf`: what the cached fields of a request did.
import { execute, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { cacheReportOf } from '../../src/pothos-cache/index.ts';
import { currentLoad } from '../../src/cache/index.ts';
import { newSchema, type SchemaWorld } from './world.ts';
import { times } from '../cache/world.ts';

async function newShop(): Promise<SchemaWorld> {
  return newSchema((builder, { source, clock }) => {
    builder.queryField('load', (t) =>
      t.string({
        args: { id: t.arg.int() },
        cache: { ttl: '60s', scope: 'public' },
        resolve: () => source.load() as Promise<string>,
      }),
    );
    const Item = builder.objectRef<{ id: number }>('Item').implement({
      fields: (t) => ({
        n: t.int({ cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id }, resolve: ({ id }) => id }),
      }),
    });
    builder.queryField('items', (t) =>
      t.field({
        type: [Item],
        args: { count: t.arg.int({ required: true }) },
        resolve: (_, { count }) => times(count, (id) => ({ id })),
      }),
    );
    builder.queryField('parent', (t) =>
      t.field({
        type: Item,
        resolve() {
          clock.advance(20.126);
          return { id: 1 };
        },
      }),
    );
  });
}

describe('the report', () => {
  it('has a row for each cached field, with its path, source, state, duration, age and TTL', async () => {
    const { run, clock, source } = await newShop();
    const held = source.hold();
    const running = run('{ first: load second: load }');
    await held.begun;
    clock.advance(300.456);
    held.give('value');
    const { rows } = await running;
    const key = rows[0]?.key;
    expect(key).toMatch(/^shop:[0-9a-f]{6}:Query:load$/);
    const common = { field: 'Query.load', startMs: 0, durationMs: 300.46, ageMs: 0, ttlMs: 60_000, key };
    expect(rows).toEqual([
      { ...common, path: ['first'], source: 'database', state: 'miss' },
      { ...common, path: ['second'], source: 'database', state: 'shared' },
    ]);
    clock.advance(1_531.6);
    expect((await run('{ load }')).rows).toEqual([
      {
        ...common,
        path: ['load'],
        source: 'cache',
        state: 'hit',
        tier: 'memory',
        durationMs: 0,
        ageMs: 1_532,
        ttlMs: 58_468,
      },
    ]);
    const [bypass] = (await run('{ load @cache(mode: BYPASS) }')).rows;
    expect(Object.keys(bypass ?? {})).toEqual(['path', 'field', 'source', 'state', 'startMs', 'durationMs', 'key']);
  });

  it('has the time at which each field began, after the first of its rows', async () => {
    const { run, clock, source } = await newShop();
    clock.advance(5_000);
    const held = source.hold();
    const running = run('{ load parent { n } }');
    await held.begun;
    clock.advance(40.004);
    held.give('value');
    const { rows } = await running;
    expect(rows.map(({ path, startMs }) => [path.join('.'), startMs])).toEqual([
      ['load', 0],
      ['parent.n', 20.13],
    ]);
    expect(Object.keys(rows[0] ?? {})).toEqual([
      'path',
      'field',
      'source',
      'state',
      'startMs',
      'durationMs',
      'ageMs',
      'ttlMs',
      'key',
    ]);
  });

  it('counts from the first row even if an earlier field has failed', async () => {
    const { run, clock, source } = await newShop();
    const held = source.hold();
    const running = run('{ load parent { n } }');
    await held.begun;
    clock.advance(40);
    held.fail(new Error('no'));
    expect((await running).rows).toMatchObject([{ path: ['parent', 'n'], startMs: 0 }]);
  });

  it('is up to date, however often it is asked for while fields are running', async () => {
    const { schema, source } = await newShop();
    const contextValue = {};
    const held = source.hold();
    const running = execute({ schema, document: parse('{ load items(count: 101) { n } }'), contextValue });
    await held.begun;
    const pathsNow = (): unknown => cacheReportOf(contextValue)?.fields.map(({ path }) => path[0]);
    await expect.poll(pathsNow).toEqual(Array(99).fill('items'));
    expect(cacheReportOf(contextValue)?.more).toBe(2);
    held.give('value');
    await running;
    expect(pathsNow()).toEqual(['load', ...Array<string>(99).fill('items')]);
    expect(cacheReportOf(contextValue)?.fields).toBe(cacheReportOf(contextValue)?.fields);
  });

  it('shows the path through lists and aliases', async () => {
    const { run } = await newShop();
    const { rows } = await run('{ all: items(count: 2) { number: n } }');
    expect(rows.map(({ path }) => path)).toEqual([
      ['all', 0, 'number'],
      ['all', 1, 'number'],
    ]);
  });

  it('has at most 100 rows, and the number of rows that were omitted', async () => {
    const { run } = await newShop();
    expect(await run('{ items(count: 100) { n } }')).toMatchObject({ more: 0, rows: { length: 100 } });
    const { rows, more, data } = await run('{ items(count: 250) { n } }');
    expect([rows.length, more]).toEqual([100, 150]);
    expect(rows[99]?.path).toEqual(['items', 99, 'n']);
    expect((data as { items: unknown[] }).items).toHaveLength(250);
  });

  it('keeps its rows for fields with a key, however many fields have none', async () => {
    const { run } = await newSchema((builder) => {
      const Item = builder.objectRef<number>('Item').implement({
        fields: (t) => ({
          n: t.int({ cache: { ttl: '60s', scope: 'public', parentId: () => Number.NaN }, resolve: (n) => n }),
          one: t.int({ cache: { ttl: '60s', scope: 'public', parentId: (n) => n }, resolve: (n) => n }),
        }),
      });
      builder.queryField('items', (t) => t.field({ type: [Item], resolve: () => times(250, Number) }));
    });
    const { rows, more } = await run('{ items { n } one: items { one } }');
    expect([rows.length, more]).toEqual([100, 150]);
  });

  it('contains only the fields of its own request, and is undefined if no cached field ran', async () => {
    const { run } = await newShop();
    const [one, two] = await Promise.all([run('{ load(id: 1) }'), run('{ items(count: 1) { n } }')]);
    expect(one.rows.map(({ field }) => field)).toEqual(['Query.load']);
    expect(two.rows.map(({ field }) => field)).toEqual(['Item.n']);
    expect(cacheReportOf({})).toBeUndefined();
  });

  it('omits fields whose resolvers failed', async () => {
    const { run, source } = await newShop();
    source.fails(new Error('no'));
    const { rows, errors } = await run('{ load items(count: 1) { n } }');
    expect(errors).toEqual(['no']);
    expect(rows.map(({ field }) => field)).toEqual(['Item.n']);
  });

  it('states why a value was not stored', async () => {
    class Decimal {
      readonly cents = 1;
    }
    const values: Record<string, () => unknown> = {
      decimal: () => [{ price: new Decimal() }],
      sent: () => ({ secret: { list: [1, Symbol('a')] } }),
      unknown: () => (currentLoad()?.touchUnknown('raw SQL'), []),
      stored: () => [],
    };
    const { run } = await newSchema(
      (builder) => {
        builder.scalarType('Json' as 'String', { serialize: (value) => JSON.stringify(value) });
        builder.queryField('json', (t) =>
          t.field({
            type: 'Json' as 'String',
            args: { of: t.arg.string({ required: true }), name: t.arg.string() },
            cache: { ttl: '60s', scope: 'public' },
            resolve: (_, { of }) => values[of]?.() as string,
          }),
        );
        builder.queryField('mine', (t) => t.string({ cache: { ttl: '60s', scope: 'private' }, resolve: () => 'mine' }));
      },
      { viewer: ({ viewer }) => viewer },
    );
    const reasonsOf = async (text: string): Promise<unknown> =>
      (await run(text)).rows.map(({ notStored }) => notStored);
    const decimalReason = 'instance of Decimal at 0.price, which needs a codec (codecs of createCache)';
    expect(await reasonsOf('{ json(of: "decimal") }')).toEqual([decimalReason]);
    expect(await reasonsOf('{ json(of: "sent", name: "secret") }')).toEqual(['symbol at *.list.1']);
    expect(await reasonsOf('{ json(of: "unknown") }')).toEqual(['reads a source that has no name: raw SQL']);
    expect(await reasonsOf('{ json(of: "stored") mine }')).toEqual([undefined, 'private, and the viewer is not known']);
    expect(await reasonsOf('{ json(of: "stored") }')).toEqual([undefined]);
    const { rows } = await run('{ a: json(of: "decimal") b: json(of: "decimal") }');
    expect(rows.map(({ notStored }) => notStored)).toEqual(Array(2).fill(decimalReason));
    expect(Object.keys((await run('{ json(of: "stored") }')).rows[0] ?? {})).not.toContain('notStored');
  });
});
