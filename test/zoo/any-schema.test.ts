// Schemas of other libraries than Pothos: cached, they give the same results as without a cache.
import { createCache, createMemoryStore, createRedisStore, type Cache } from 'cachepot/cache';
import { cacheReportOf, checkCachedFields, ResponseCache, withCacheDirective } from 'cachepot/graphql';
import { execute, lexicographicSortSchema, parse, printSchema, validate, type GraphQLSchema } from 'graphql';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { builders } from './builders.ts';
import { Library, resolversOf, type Context } from './library.ts';

const ada: Context = { user: { id: '1', name: 'Ada' } };
const bob: Context = { user: { id: '2', name: 'Bob' } };

/** Operations with their variables. */
const operations: readonly (readonly [string, Record<string, unknown>?])[] = [
  ['{ books { id name format author { name } score } }'],
  ['{ books(first: 1) { name } }'],
  ['{ books(order: DOWN) { name format } }'],
  ['query ($order: Order!, $first: Int! = 2) { books(order: $order, first: $first) { name } }', { order: 'DOWN' }],
  ['query ($order: Order = DOWN) { books(order: $order) { name } }'],
  ['{ a: books(first: 1) { b: name } c: books(first: 2) { name __typename } __typename }'],
  ['{ books { ...B } } fragment B on Book { name ... on Named { id } author { ...N } } fragment N on Named { name }'],
  ['query ($no: Boolean!) { books { name @skip(if: $no) id @include(if: $no) } }', { no: true }],
  ['{ book(id: 1) { ten: score(scale: 10) score two: score(scale: 2) } }'],
  ['{ book(id: "9") { name } }'],
  ['{ book(id: 3) { name author { name } } }'],
  ['{ named { __typename id name ... on Book { score } ... on Author { books { name author { name } } } } }'],
  ['{ search { __typename ... on Named { name } } none: search(text: "zzz") { __typename } }'],
  ['{ titles }'],
  ['{ titles failing }'],
  ['{ titles failingRequired }'],
  ['{ books { name broken } }'],
  ['{ drafts greeting }'],
];

const knownTags = (): readonly string[] => ['authors', 'books'];

const tiers: Readonly<Record<string, () => Promise<Cache>>> = {
  memory: async () => createCache({ store: createMemoryStore({ namespace: 'zoo' }), log: false, knownTags }),
  Redis: async () => {
    const namespace = `zoo-${process.pid}-${Date.now()}`;
    const store = await createRedisStore({ address: inject('redisSocketPath'), namespace });
    const cache = createCache({ store, log: false, knownTags, memoryBytesMax: 1_000_000, deadlineMs: 60_000 });
    onTestFinished(async () => {
      await cache.flush();
      await store.close();
    });
    return cache;
  },
};

async function run(
  schema: GraphQLSchema,
  text: string,
  { variables, context = {} }: { variables?: Record<string, unknown> | undefined; context?: Context } = {},
): Promise<{ readonly result: unknown; readonly states: string }> {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  // A context of its own for each request.
  const contextValue = { ...context };
  const { data, errors } = await execute({ schema, document, variableValues: variables ?? {}, contextValue });
  const faults = errors?.map(({ message, path }) => ({ message, path }));
  const states = cacheReportOf(contextValue)?.fields.map(({ state }) => state) ?? [];
  return { result: JSON.parse(JSON.stringify({ data, errors: faults })) as unknown, states: states.join(' ') };
}

describe.each(Object.entries(builders))('%s', (_name, build) => {
  let library: Library;
  let plain: GraphQLSchema;
  beforeEach(() => {
    library = new Library();
    plain = build(resolversOf(library, undefined));
  });
  const newSchema = async (tier = 'memory'): Promise<{ readonly schema: GraphQLSchema; readonly cache: Cache }> => {
    const cache = await (tiers[tier] ?? expect.fail())();
    return { schema: build(resolversOf(library, cache)), cache };
  };

  it('builds the schema of the other builders', () => {
    const [first] = Object.values(builders).map((one) => one(resolversOf(library, undefined)));
    const textOf = (schema: GraphQLSchema): string => printSchema(lexicographicSortSchema(schema));
    expect(textOf(plain)).toBe(textOf(first ?? plain));
  });

  it('finds the cached fields', async () => {
    const { schema } = await newSchema();
    expect(checkCachedFields(schema).toSorted()).toEqual(
      [
        ...['books', 'book', 'named', 'search', 'drafts', 'greeting', 'titles', 'failing', 'failingRequired'].map(
          (field) => `Query.${field}`,
        ),
        ...['Book.author', 'Book.score', 'Book.broken', 'Author.books'],
      ].toSorted(),
    );
  });

  it.each(Object.keys(tiers))('answers each operation as without a cache: %s', async (tier) => {
    const { schema } = await newSchema(tier);
    for (const context of [{}, ada, bob, ada]) {
      for (const [text, variables] of operations) {
        const expected = (await run(plain, text, { variables, context })).result;
        for (let round = 0; round < 3; round += 1) {
          const { result } = await run(schema, text, { variables, context });
          expect({ text, result }).toEqual({ text, result: expected });
        }
      }
    }
  });

  it('loads each value once', async () => {
    const { schema } = await newSchema();
    const text = '{ books { author { name } score } book(id: 9) { name } titles }';
    expect((await run(schema, text)).states).toMatch(/^(miss ?)+$/);
    expect((await run(schema, text)).states).toMatch(/^(hit ?)+$/);
    expect(Object.fromEntries(library.calls)).toEqual({ books: 1, author: 3, score: 3, book: 1, titles: 1 });
  });

  it('makes no difference between a default, a literal and a variable', async () => {
    const { schema } = await newSchema();
    await run(schema, '{ books { id } }');
    for (const [text, variables] of [
      ['{ books(order: UP, first: 10) { id } }'],
      ['query ($order: Order = UP) { b: books(first: 10, order: $order) { id } }'],
      ['query ($n: Int!) { ...F } fragment F on Query { books(first: $n) { name } }', { n: 10 }],
    ] as const) {
      expect((await run(schema, text, { variables })).states).toBe('hit');
    }
  });

  it('returns what a mutation has changed, and its children', async () => {
    const { schema } = await newSchema('Redis');
    const text = '{ books { name author { name } } book(id: 1) { name } titles drafts }';
    await run(schema, text, { context: ada });
    await run(schema, 'mutation { rename(id: 1, name: "Wok") { name } }');
    const { result, states } = await run(schema, text, { context: ada });
    expect(result).toEqual((await run(plain, text, { context: ada })).result);
    // `drafts` does not depend on books; the authors are below them.
    expect(states).toBe('miss miss miss hit miss miss miss');
  });

  it('gives a private value to its viewer alone, and caches none without a viewer', async () => {
    const { schema } = await newSchema('Redis');
    const states = [];
    for (const context of [ada, ada, bob, {}, {}, ada])
      states.push((await run(schema, '{ drafts }', { context })).states);
    expect(states).toEqual(['miss', 'hit', 'miss', 'bypass', 'bypass', 'hit']);
  });

  it('does not store a public value whose resolver has read the viewer', async () => {
    const { schema } = await newSchema('Redis');
    const greetings = [];
    for (const context of [ada, bob, {}]) greetings.push((await run(schema, '{ greeting }', { context })).result);
    expect(greetings).toEqual(['Ada', 'Bob', 'stranger'].map((name) => ({ data: { greeting: `Hello ${name}` } })));
  });

  it('does not store errors', async () => {
    const { schema } = await newSchema();
    for (let round = 1; round <= 3; round += 1) {
      await run(schema, '{ failing }');
      expect(library.calls.get('failing')).toBe(round);
    }
  });

  it('finds a value to delete, with the defaults of its arguments', async () => {
    const { schema, cache } = await newSchema('Redis');
    await run(schema, '{ books { score } }');
    expect(await cache.delete('Query.books')).toBe(1);
    expect(await cache.delete('Query.books', { order: -1 })).toBe(0);
    expect(await cache.delete('Book.score', {}, { parent: '1' })).toBe(1);
  });

  it('obeys @cache once the schema has it, and only then', async () => {
    const { schema } = await newSchema();
    expect(validate(schema, parse('{ titles @cache(mode: BYPASS) }'))).toHaveLength(1);
    const withDirective = withCacheDirective(schema);
    await run(withDirective, '{ titles }');
    const text = 'query ($mode: CacheMode!) { titles @cache(mode: $mode) }';
    const states = [];
    for (const mode of ['BYPASS', 'REFRESH', 'USE'])
      states.push((await run(withDirective, text, { variables: { mode } })).states);
    expect(states).toEqual(['bypass', 'refresh', 'hit']);
    expect((await run(withDirective, 'query @cache(mode: BYPASS) { titles books { id } }')).states).toBe(
      'bypass bypass',
    );
    expect((await run(withDirective, '{ titles @skip(if: true) books { id } }')).states).toBe('miss');
  });

  it('has whole responses of public fields in the response cache, while their values are valid', async () => {
    const { schema, cache } = await newSchema('Redis');
    const responses = new ResponseCache({ engine: cache, bytesMax: 100_000, hasReport: false });
    const keep = async (text: string): Promise<boolean> => {
      await run(schema, text);
      const args = { schema, document: parse(text), contextValue: {} };
      const part = responses.cacheable(args, await execute(args));
      if (part !== undefined) responses.set(text, part, { contentType: 'application/json', isGet: false });
      return (await responses.get(text)) !== undefined;
    };
    const text = '{ books { id name score author { name } } titles }';
    expect([await keep(text), await keep('{ drafts }'), await keep('{ greeting }')]).toEqual([true, false, false]);
    await run(schema, 'mutation { rename(id: 1, name: "Pans") { id } }');
    expect(await responses.get(text)).toBeUndefined();
  });

  it('shares values with other processes that have the same schema', async () => {
    const { schema, cache } = await newSchema();
    await run(schema, '{ books { author { name } } }');
    const again = build(resolversOf(library, cache));
    expect((await run(again, '{ books { author { name } } }')).states).toBe('hit hit hit hit');
  });
});
