// Arguments: equal ones have the same key, in whatever form the request contains them.
import { describe, expect, it } from 'vitest';
import { passGrace, resultsOf } from '../cache/shadow-world.ts';
import { settled } from '../cache/world.ts';
import { newSchema, type Builder, type SchemaWorld } from './world.ts';

interface SearchWorld extends SchemaWorld {
  readonly keyOf: (text: string, variables?: Record<string, unknown>) => Promise<string>;
}

async function newSearch(): Promise<SearchWorld> {
  const world = await newSchema((builder) => {
    const Sort = builder.enumType('Sort', { values: { PRICE: { value: 1 }, NAME: { value: 'name' } } });
    const Range = builder.inputType('Range', {
      fields: (t) => ({ from: t.int({ defaultValue: 0 }), to: t.int(), ids: t.idList() }),
    });
    builder.scalarType(
      'Moment' as never,
      {
        serialize: String,
        parseValue: (value: unknown) => new Date(String(value)),
      } as never,
    );
    builder.scalarType(
      'Place' as never,
      { serialize: String, parseValue: (value: unknown) => new URL(String(value)) } as never,
    );
    builder.queryField('search', (t) =>
      t.string({
        args: {
          q: t.arg.string({ defaultValue: '' }),
          limit: t.arg.int({ defaultValue: 50 }),
          categoryId: t.arg.int(),
          id: t.arg.id(),
          ids: t.arg.intList(),
          rating: t.arg.float(),
          sort: t.arg({ type: Sort }),
          range: t.arg({ type: Range }),
          at: t.arg({ type: 'Moment' as never }),
          place: t.arg({ type: 'Place' as never }),
        },
        cache: { ttl: '60s', scope: 'public' },
        resolve: (_, args) => JSON.stringify(args),
      }),
    );
  });
  return { ...world, keyOf: async (text, variables) => (await world.run(text, variables)).rows[0]?.key ?? '' };
}

describe('the key', () => {
  it.each<[string, string[], Record<string, unknown>]>([
    ['a literal and a variable', ['{ search(q: "a") }', 'query ($q: String) { search(q: $q) }'], { q: 'a' }],
    ['a default value, omitted or given', ['{ search }', '{ search(q: "") }', '{ search(limit: 50, q: "") }'], {}],
    ['an omitted argument and an omitted variable', ['{ search }', 'query ($none: String) { search(q: $none) }'], {}],
    [
      'a literal and the default of a variable',
      ['{ search(q: "a") }', 'query ($none: String = "a") { search(q: $none) }'],
      {},
    ],
    ['arguments in any order', ['{ search(q: "a", limit: 1) }', '{ search(limit: 1, q: "a") }'], {}],
    [
      'an ID as a number or a string',
      ['{ search(id: 1) }', '{ search(id: "1") }', 'query ($id: ID) { search(id: $id) }'],
      { id: 1 },
    ],
    [
      'an enum value as a literal or a variable',
      ['{ search(sort: PRICE) }', 'query ($s: Sort) { search(sort: $s) }'],
      { s: 'PRICE' },
    ],
    [
      'a list of one item and the item itself',
      ['{ search(ids: [1]) }', '{ search(ids: 1) }', 'query ($i: [Int!]) { search(ids: $i) }'],
      { i: 1 },
    ],
    [
      'a Float with and without a decimal point',
      ['{ search(rating: 4) }', '{ search(rating: 4.0) }', 'query ($r: Float) { search(rating: $r) }'],
      { r: 4 },
    ],
    [
      'an input object, its default omitted or given, in any order',
      [
        '{ search(range: { to: 9 }) }',
        '{ search(range: { to: 9, from: 0 }) }',
        '{ search(range: { from: 0, to: 9 }) }',
        'query ($to: Int) { search(range: { to: $to }) }',
        'query ($range: Range) { search(range: $range) }',
      ],
      { to: 9, range: { to: 9 } },
    ],
    [
      'a custom scalar that is parsed to a Date',
      ['{ search(at: "2026-01-01") }', 'query ($at: Moment) { search(at: $at) }'],
      { at: '2026-01-01T00:00:00Z' },
    ],
    [
      'a field under its name, under an alias and in a fragment',
      ['{ search(q: "a") }', '{ x: search(q: "a") }', '{ ...F } fragment F on Query { search(q: "a") }'],
      {},
    ],
  ])('is the same for %s', async (_, texts, variables) => {
    const { keyOf } = await newSearch();
    const keys = await Promise.all(texts.map((text) => keyOf(text, variables)));
    expect(keys[0]).toMatch(/^shop:[0-9a-f]{6}:Query:search:[\w-]{22}$/);
    expect(new Set(keys).size).toBe(1);
  });
});

it('uses a different key for each distinct set of arguments', async () => {
  const { keyOf } = await newSearch();
  const texts = [
    '{ search }',
    '{ search(q: "a") }',
    '{ search(q: null) }',
    '{ search(q: "null") }',
    '{ search(limit: 1) }',
    '{ search(limit: null) }',
    '{ search(categoryId: 50) }',
    '{ search(categoryId: null) }',
    '{ search(id: 50) }',
    '{ search(ids: [50]) }',
    '{ search(ids: []) }',
    '{ search(ids: [5, 0]) }',
    '{ search(rating: 50) }',
    '{ search(sort: PRICE) }',
    '{ search(sort: NAME) }',
    '{ search(range: {}) }',
    '{ search(range: { to: null }) }',
    '{ search(range: { from: 1 }) }',
    '{ search(range: { ids: [] }) }',
    '{ search(range: { ids: ["1", "2"] }) }',
    '{ search(range: { ids: ["1,2"] }) }',
    '{ search(at: "2026-01-01") }',
  ];
  const keys = await Promise.all(texts.map((text) => keyOf(text)));
  expect(new Set(keys).size).toBe(texts.length);
});

it('resolves without the cache and emits `uncached` if an argument cannot be part of a key', async () => {
  const { run, trace } = await newSearch();
  for (const _ of [1, 2]) {
    expect(await run('{ search(place: "http://a/") }')).toMatchObject({ errors: [], rows: [] });
  }
  expect(trace.text).toBe('uncached×2');
  expect(trace.events[0]).toMatchObject({ field: 'Query.search', error: { code: 'INVALID_KEY' } });
});

describe('a resolver that changes its arguments', () => {
  const cache = { ttl: '60s', stale: '60s', early: false, scope: 'public', tags: ['products'] } as const;
  const text = 'query ($ids: [Int!]!) { ids(ids: $ids) }';

  /** A field that returns its arguments, and then changes them. */
  async function newChangingWorld(
    options: { refill?: boolean; shadow?: number },
    rest: () => number[] = () => [],
  ): Promise<SchemaWorld> {
    const define = (builder: Builder): void => {
      builder.queryField('ids', (t) =>
        t.intList({
          args: { ids: t.arg.intList({ required: true }) },
          cache: { ...cache, ...options },
          resolve: (_parent, args) => {
            const ids = [...args.ids, ...rest()];
            args.ids.push(0);
            Object.assign(args, { ids: [...args.ids, 1] });
            return ids;
          },
        }),
      );
    };
    return newSchema(define, { refreshContext: (context) => context });
  }

  const ask = (world: SchemaWorld): Promise<unknown> => world.run(text, { ids: [7] });
  const hit = (states: string): unknown => expect.objectContaining({ data: { ids: [7] }, states });

  it('receives those of the request when it is loaded again because the value is stale', async () => {
    const world = await newChangingWorld({});
    await ask(world);
    for (const state of ['stale', 'stale', 'stale']) {
      world.clock.advance(60_000);
      expect(await ask(world)).toEqual(hit(state));
      await settled(world);
      expect(await ask(world)).toEqual(hit('hit'));
    }
  });

  it('does so in a refill', async () => {
    const world = await newChangingWorld({ refill: true });
    await ask(world);
    for (const _ of [1, 2]) {
      await world.cache.invalidate(['products']);
      await settled(world);
      expect(world.trace.count('refill')).toBeGreaterThan(0);
      expect(await ask(world)).toEqual(hit('hit'));
    }
  });

  it('does so in each load of a shadow check', async () => {
    let rest: number[] = [];
    const world = await newChangingWorld({ shadow: 1 }, () => rest);
    await ask(world);
    rest = [8];
    await ask(world);
    await settled(world);
    rest = [];
    await passGrace(world);
    expect(world.trace.count('load')).toBe(1);
    expect(resultsOf(world)).toEqual(['equal']);
  });

  it('does not change those of another field that has the same variable', async () => {
    const world = await newChangingWorld({});
    const { data } = await world.run('query ($ids: [Int!]!) { a: ids(ids: $ids) b: ids(ids: $ids) }', { ids: [7] });
    expect(data).toEqual({ a: [7], b: [7] });
    expect(world.trace.count('load')).toBe(1);
  });
});

it('a resolver that is not cached, and changes a variable, does not change the arguments of a cached one', async () => {
  const world = await newSchema((builder) => {
    const args = { ids: builder.args((t) => ({ ids: t.intList({ required: true }) })).ids };
    const cache = { ttl: '60s', stale: '60s', early: false, scope: 'public' } as const;
    builder.queryFields((t) => ({
      cached: t.intList({ args, cache, resolve: (_parent, { ids }) => [...ids] }),
      changing: t.int({ args, resolve: (_parent, { ids }) => ids.push(0) }),
    }));
  });
  const ask = (): Promise<unknown> =>
    world.run('query ($ids: [Int!]!) { cached(ids: $ids) changing(ids: $ids) }', { ids: [7] });
  const answer = { data: { cached: [7], changing: 2 } };
  expect(await ask()).toMatchObject({ ...answer, states: 'miss' });
  world.clock.advance(60_000);
  expect(await ask()).toMatchObject({ ...answer, states: 'stale' });
  await settled(world);
  expect(await ask()).toMatchObject({ ...answer, states: 'hit' });
});

it('a second load for another parent than that of the key is none: a resolver has changed its id', async () => {
  const world = await newSchema((builder) => {
    const Product = builder.objectRef<{ id: number }>('Product').implement({
      fields: (t) => ({
        name: t.string({
          cache: { ttl: '60s', scope: 'public', shadow: 1, parentId: ({ id }) => id },
          resolve: (parent) => {
            const name = `Pot ${parent.id}`;
            if (isChanging) parent.id += 1;
            return `${name} ${String(isChanging)}`;
          },
        }),
      }),
    });
    builder.queryField('product', (t) => t.field({ type: Product, resolve: () => ({ id: 1 }) }));
  });
  let isChanging = false;
  await world.run('{ product { name } }');
  isChanging = true;
  await world.run('{ product { name } }');
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['failed']);
  expect(world.trace.events.at(-1)).toMatchObject({ error: { code: 'INVALID_KEY' } });
});
