// What resolvers return: values, null, errors; and the tags that values depend on.
import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { newSchema } from './world.ts';

const cache = { ttl: '60s', scope: 'public' } as const;

it('passes on the error of a resolver with its extensions, stores nothing, and loads again', async () => {
  let loads = 0;
  const { run } = await newSchema((builder) => {
    builder.queryField('faulty', (t) =>
      t.string({
        cache,
        resolve: () => {
          loads += 1;
          if (loads > 1) return 'well';
          throw new GraphQLError('no database', { extensions: { code: 'DATABASE_UNAVAILABLE' } });
        },
      }),
    );
  });
  const { result, rows } = await run('{ faulty }');
  expect(result.errors?.[0]?.toJSON()).toEqual({
    message: 'no database',
    locations: [{ line: 1, column: 3 }],
    path: ['faulty'],
    extensions: { code: 'DATABASE_UNAVAILABLE' },
  });
  expect(rows).toEqual([]);
  expect(await run('{ faulty }')).toMatchObject({ data: { faulty: 'well' }, states: 'miss' });
});

it('reports the error for each alias at its own path', async () => {
  const { run } = await newSchema((builder) => {
    builder.queryField('faulty', (t) => t.string({ cache, resolve: () => Promise.reject(new Error('no')) }));
  });
  const { result } = await run('{ a: faulty b: faulty }');
  expect(result.errors?.map(({ path, message }) => [path, message])).toEqual([
    [['a'], 'no'],
    [['b'], 'no'],
  ]);
});

it.each<[string, (string | null)[] | null]>([
  ['null', null],
  ['a list that contains null', ['a', null]],
  ['an empty list', []],
])('stores %s', async (_, value) => {
  let loads = 0;
  const { run } = await newSchema((builder) => {
    builder.queryField('names', (t) =>
      t.stringList({ cache, nullable: { list: true, items: true }, resolve: () => ((loads += 1), value) }),
    );
  });
  for (const state of ['miss', 'hit'])
    expect(await run('{ names }')).toMatchObject({ data: { names: value }, states: state });
  expect(loads).toBe(1);
});

it('returns a value that has no stored form, and loads it for each request', async () => {
  class Row {
    readonly id = 1;
  }
  const { run, trace } = await newSchema((builder) => {
    const RowType = builder.objectRef<Row>('Row').implement({ fields: (t) => ({ id: t.exposeInt('id') }) });
    builder.queryField('row', (t) => t.field({ type: RowType, cache, resolve: () => new Row() }));
  });
  for (const _ of [1, 2]) {
    expect(await run('{ row { id } }')).toMatchObject({ data: { row: { id: 1 } }, states: 'miss' });
  }
  expect(trace.count('write-refused')).toBe(2);
});

it('stores the value of the arguments that the request has sent, whatever the resolver makes of them', async () => {
  let loads = 0;
  const { run } = await newSchema((builder) => {
    builder.queryField('echo', (t) =>
      t.string({
        args: { q: t.arg.string() },
        cache,
        resolve: (_, args) => {
          loads += 1;
          const { q } = args;
          Object.assign(args, { q: new URL('http://a/') });
          return q;
        },
      }),
    );
  });
  for (const q of ['a', 'b', 'a', 'b']) {
    expect(await run(`{ echo(q: "${q}") }`)).toMatchObject({ data: { echo: q }, errors: [] });
  }
  expect(loads).toBe(2);
});

describe('the option tags', () => {
  it('invalidates values by tags from a list or from a function of parent and arguments', async () => {
    let loads = 0;
    const { run, cache: engine } = await newSchema((builder) => {
      const Product = builder.objectRef<{ id: number }>('Product').implement({
        fields: (t) => ({
          n: t.int({
            args: { part: t.arg.string() },
            cache: {
              ...cache,
              parentId: ({ id }) => id,
              tags: ({ id }, { part }) => [`products:${id}`, `parts:${part ?? 'all'}`],
            },
            resolve: () => (loads += 1),
          }),
        }),
      });
      builder.queryField('product', (t) =>
        t.field({ type: Product, args: { id: t.arg.int({ required: true }) }, resolve: (_, { id }) => ({ id }) }),
      );
      builder.queryField('all', (t) => t.int({ cache: { ...cache, tags: ['products'] }, resolve: () => (loads += 1) }));
    });
    const text = '{ all one: product(id: 1) { n(part: "a") } two: product(id: 2) { n(part: "a") } }';
    expect((await run(text)).states).toBe('miss miss miss');
    await engine.invalidate(['products:1']);
    expect((await run(text)).states).toBe('miss miss hit');
    await engine.invalidate(['products']);
    expect((await run(text)).states).toBe('miss miss miss');
    await engine.invalidate(['parts:a']);
    expect((await run(text)).states).toBe('hit miss miss');
  });

  it.each<[string, () => unknown]>([
    ['returns an invalid tag', () => ['*']],
    ['returns null', () => null],
    ['returns a promise that rejects', () => Promise.reject(new Error('no tags'))],
    ['returns a string instead of a list', () => 'products'],
    ['throws', () => JSON.parse('{')],
  ])('leaves the field uncached and emits `uncached` if its function %s', async (_, tags) => {
    let loads = 0;
    const { run, trace } = await newSchema((builder) => {
      builder.queryField('n', (t) =>
        t.int({ cache: { ...cache, tags: tags as () => string[] }, resolve: () => (loads += 1) }),
      );
    });
    expect(await run('{ n }')).toMatchObject({ data: { n: 1 }, errors: [], rows: [] });
    expect(await run('{ n }')).toMatchObject({ data: { n: 2 }, errors: [], rows: [] });
    expect(trace.text).toBe('uncached×2');
    expect(trace.events[0]).toMatchObject({ field: 'Query.n' });
  });
});

it('caches a field below a cached field, with its own ttl', async () => {
  let loads = 0;
  const { run } = await newSchema((builder) => {
    const Item = builder.objectRef<{ id: number }>('Item').implement({
      fields: (t) => ({
        n: t.int({ cache: { ...cache, ttl: '1s', parentId: ({ id }) => id }, resolve: () => (loads += 1) }),
      }),
    });
    builder.queryField('item', (t) => t.field({ type: Item, cache, resolve: () => ({ id: 1 }) }));
  });
  expect(await run('{ item { n } }')).toMatchObject({ states: 'miss miss', data: { item: { n: 1 } } });
  const { rows } = await run('{ item { n } }');
  expect(rows.map(({ field, state, ttlMs }) => [field, state, ttlMs])).toEqual([
    ['Query.item', 'hit', 60_000],
    ['Item.n', 'hit', 1_000],
  ]);
});
