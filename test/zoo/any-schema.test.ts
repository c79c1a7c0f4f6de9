// Schemas of other libraries than Pothos: cached, they give the same results as without a cache.
import type { Cache } from 'cachepot/cache';
import { checkCachedFields, ResponseCache, withCacheDirective } from 'cachepot/graphql';
import { execute, lexicographicSortSchema, parse, printSchema, validate, type GraphQLSchema } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { builders } from './builders.ts';
import { ask, engineNames, expectSameAnswers, newEngine, type EngineName, type Operation } from './engines.ts';
import { Library, resolversOf, type Context } from './library.ts';

const ada: Context = { user: { id: '1', name: 'Ada' } };
const bob: Context = { user: { id: '2', name: 'Bob' } };

const operations: readonly (string | Operation)[] = [
  '{ books { id name format author { name } score } }',
  '{ books(first: 1) { name } }',
  '{ books(order: DOWN) { name format } }',
  {
    text: 'query ($order: Order!, $first: Int! = 2) { books(order: $order, first: $first) { name } }',
    variables: { order: 'DOWN' },
  },
  'query ($order: Order = DOWN) { books(order: $order) { name } }',
  '{ a: books(first: 1) { b: name } c: books(first: 2) { name __typename } __typename }',
  '{ books { ...B } } fragment B on Book { name ... on Named { id } author { ...N } } fragment N on Named { name }',
  { text: 'query ($no: Boolean!) { books { name @skip(if: $no) id @include(if: $no) } }', variables: { no: true } },
  '{ book(id: 1) { ten: score(scale: 10) score two: score(scale: 2) } }',
  '{ book(id: "9") { name } }',
  '{ book(id: 3) { name author { name } } }',
  '{ named { __typename id name ... on Book { score } ... on Author { books { name author { name } } } } }',
  '{ search { __typename ... on Named { name } } none: search(text: "zzz") { __typename } }',
  '{ titles }',
  '{ titles failing }',
  '{ titles failingRequired }',
  '{ books { name broken } }',
  '{ drafts greeting }',
];

const knownTags = (): readonly string[] => ['authors', 'books'];

describe.each(Object.entries(builders))('%s', (_name, build) => {
  let library: Library;
  let plain: GraphQLSchema;
  beforeEach(() => {
    library = new Library();
    plain = build(resolversOf(library, undefined));
  });
  const newSchema = async (
    name: EngineName = 'memory store',
  ): Promise<{ readonly schema: GraphQLSchema; readonly cache: Cache }> => {
    const cache = await newEngine(name, { knownTags });
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

  it.each(engineNames)('answers each operation as without a cache, on %s', async (name) => {
    const { schema } = await newSchema(name);
    for (const context of [{}, ada, bob, ada]) {
      const states = await expectSameAnswers({ cached: schema, uncached: plain }, operations, context);
      expect(states).toContain('hit');
    }
  });

  it('loads each value once', async () => {
    const { schema } = await newSchema();
    const text = '{ books { author { name } score } book(id: 9) { name } titles }';
    expect((await ask(schema, text)).states).toMatch(/^(miss ?)+$/);
    expect((await ask(schema, text)).states).toMatch(/^(hit ?)+$/);
    expect(Object.fromEntries(library.calls)).toEqual({ books: 1, author: 3, score: 3, book: 1, titles: 1 });
  });

  it('makes no difference between a default, a literal and a variable', async () => {
    const { schema } = await newSchema();
    await ask(schema, '{ books { id } }');
    for (const operation of [
      '{ books(order: UP, first: 10) { id } }',
      'query ($order: Order = UP) { b: books(first: 10, order: $order) { id } }',
      {
        text: 'query ($n: Int!) { ...F } fragment F on Query { books(first: $n) { name } }',
        variables: { n: 10 },
      },
    ])
      expect((await ask(schema, operation)).states).toBe('hit');
  });

  it('returns what a mutation has changed, and its children', async () => {
    const { schema } = await newSchema('Redis and memory tier');
    const text = '{ books { name author { name } } book(id: 1) { name } titles drafts }';
    await ask(schema, text, ada);
    await ask(schema, 'mutation { rename(id: 1, name: "Wok") { name } }');
    const { json, states } = await ask(schema, text, ada);
    expect(json).toEqual((await ask(plain, text, ada)).json);
    // `drafts` does not depend on books; the authors are below them.
    expect(states).toBe('miss miss miss hit miss miss miss');
  });

  it('gives a private value to its viewer alone, and caches none without a viewer', async () => {
    const { schema } = await newSchema('Redis and memory tier');
    const states = [];
    for (const context of [ada, ada, bob, {}, {}, ada]) states.push((await ask(schema, '{ drafts }', context)).states);
    expect(states).toEqual(['miss', 'hit', 'miss', 'bypass', 'bypass', 'hit']);
  });

  it('does not store a public value whose resolver has read the viewer', async () => {
    const { schema } = await newSchema('Redis and memory tier');
    const greetings = [];
    for (const context of [ada, bob, {}]) greetings.push((await ask(schema, '{ greeting }', context)).data);
    expect(greetings).toEqual(['Ada', 'Bob', 'stranger'].map((name) => ({ greeting: `Hello ${name}` })));
  });

  it('does not store errors', async () => {
    const { schema } = await newSchema();
    for (let round = 1; round <= 3; round += 1) {
      await ask(schema, '{ failing }');
      expect(library.calls.get('failing')).toBe(round);
    }
  });

  it('finds a value to delete, with the defaults of its arguments', async () => {
    const { schema, cache } = await newSchema('Redis and memory tier');
    await ask(schema, '{ books { score } }');
    expect(await cache.delete('Query.books')).toBe(1);
    expect(await cache.delete('Query.books', { order: -1 })).toBe(0);
    expect(await cache.delete('Book.score', {}, { parent: '1' })).toBe(1);
  });

  it('obeys @cache once the schema has it, and only then', async () => {
    const { schema } = await newSchema();
    expect(validate(schema, parse('{ titles @cache(mode: BYPASS) }'))).toHaveLength(1);
    const withDirective = withCacheDirective(schema);
    await ask(withDirective, '{ titles }');
    const text = 'query ($mode: CacheMode!) { titles @cache(mode: $mode) }';
    const states = [];
    for (const mode of ['BYPASS', 'REFRESH', 'USE'])
      states.push((await ask(withDirective, { text, variables: { mode } })).states);
    expect(states).toEqual(['bypass', 'refresh', 'hit']);
    expect((await ask(withDirective, 'query @cache(mode: BYPASS) { titles books { id } }')).states).toBe(
      'bypass bypass',
    );
    expect((await ask(withDirective, '{ titles @skip(if: true) books { id } }')).states).toBe('miss');
  });

  it('has whole responses of public fields in the response cache, while their values are valid', async () => {
    const { schema, cache } = await newSchema('Redis and memory tier');
    const responses = new ResponseCache({ engine: cache, bytesMax: 100_000, hasReport: false });
    const keep = async (text: string): Promise<boolean> => {
      await ask(schema, text);
      const args = { schema, document: parse(text), contextValue: {} };
      const part = responses.cacheable(args, await execute(args));
      if (part !== undefined) responses.set(text, part, { contentType: 'application/json', isGet: false });
      return (await responses.get(text)) !== undefined;
    };
    const text = '{ books { id name score author { name } } titles }';
    expect([await keep(text), await keep('{ drafts }'), await keep('{ greeting }')]).toEqual([true, false, false]);
    await ask(schema, 'mutation { rename(id: 1, name: "Pans") { id } }');
    expect(await responses.get(text)).toBeUndefined();
  });

  it('shares values with an equal schema, such as that of another process', async () => {
    const { schema, cache } = await newSchema();
    await ask(schema, '{ books { author { name } } }');
    const again = build(resolversOf(library, cache));
    expect((await ask(again, '{ books { author { name } } }')).states).toBe('hit hit hit hit');
  });
});
