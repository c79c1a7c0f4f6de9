import { buildSchema, parse, print, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { NotComparable, sidesOf } from '../../src/console/cache-panel/request/bypass.ts';

const types = `
  enum CacheMode { USE BYPASS REFRESH }
  type Query { books(limit: Int): [Book!]! author: Author }
  type Book { title: String! author: Author! }
  type Author { name: String! }
  type Mutation { write: Boolean }
  type Subscription { books: Int }
`;
const current = buildSchema(`directive @cache(mode: CacheMode! = USE) on FIELD | QUERY ${types}`);
const fieldsOnly = buildSchema(`directive @cache(mode: CacheMode! = USE) on FIELD ${types}`);

/** Both documents, formatted as `print` does. */
function documents(query: string, schema: GraphQLSchema | null | undefined, operationName?: string) {
  const { database, cache } = sidesOf({ query, operationName, variables: undefined, headers: undefined }, schema);
  return { database: database.query, cache: cache.query, operationName: database.operationName };
}

function faultOf(query: string, schema: GraphQLSchema | undefined = current): NotComparable | undefined {
  try {
    documents(query, schema);
  } catch (error) {
    if (error instanceof NotComparable) return error;
    throw error;
  }
  return undefined;
}

describe('the document that bypasses the cache', () => {
  it('has @cache on the query, if the server accepts it there', () => {
    const { database, cache } = documents('query Books { books { title } }', current);
    expect(database).toBe(print(parse('query Books @cache(mode: BYPASS) { books { title } }')));
    expect(cache).toBe(print(parse('query Books { books { title } }')));
  });

  it.each([
    ['accepts it there alone', fieldsOnly],
    ['is not known yet', null],
  ])('has @cache on each field, also in fragments, if the server %s', (_server, schema) => {
    const query = `
      query Q { a: books(limit: 1) @include(if: true) { ...book ... on Book { title } } }
      fragment book on Book { author { name } }
    `;
    const bypassed = `
      query Q {
        a: books(limit: 1) @include(if: true) @cache(mode: BYPASS) { ...book ... on Book { title @cache(mode: BYPASS) } }
      }
      fragment book on Book { author @cache(mode: BYPASS) { name @cache(mode: BYPASS) } }
    `;
    const { database, cache } = documents(query, schema);
    expect(database).toBe(print(parse(bypassed)));
    expect(cache).toBe(print(parse(query)));
  });

  it('leaves introspection as it is', () => {
    const query =
      '{ __typename __schema { types { ...type } } author { __typename name } } fragment type on __Type { name }';
    const { database } = documents(query, fieldsOnly);
    const bypassed =
      '{ __typename __schema { types { ...type } } author @cache(mode: BYPASS) { __typename name @cache(mode: BYPASS) } }';
    expect(database).toBe(print(parse(`${bypassed} fragment type on __Type { name }`)));
  });
});

describe('a @cache that the user wrote', () => {
  it('is on neither side', () => {
    const query = `
      query Q @cache(mode: REFRESH) { books @cache(mode: BYPASS) { ...book } }
      fragment book on Book { author @cache @skip(if: false) { name } }
    `;
    const { database, cache } = documents(query, current);
    const without = '{ books { ...book } } fragment book on Book { author @skip(if: false) { name } }';
    expect(cache).toBe(print(parse(`query Q ${without}`)));
    expect(database).toBe(print(parse(`query Q @cache(mode: BYPASS) ${without}`)));
  });

  it('goes with its variables, unless they are used elsewhere', () => {
    const query = 'query ($m: CacheMode!, $n: Int, $unused: Int) { books(limit: $n) @cache(mode: $m) { title } }';
    expect(documents(query, current).cache).toBe(
      print(parse('query ($n: Int, $unused: Int) { books(limit: $n) { title } }')),
    );
    const shared = 'query ($m: CacheMode!) { books @cache(mode: $m) { title @other(mode: $m) } }';
    expect(documents(shared, current).cache).toContain('$m: CacheMode!');
  });
});

describe('of several operations', () => {
  const query = `
    query First { author { name } }
    query Second { books { ...book } }
    fragment book on Book { title }
  `;

  it('the chosen one is compared, with its fragments', () => {
    const { cache, operationName } = documents(query, current, 'Second');
    expect(cache).toBe(print(parse('query Second { books { ...book } } fragment book on Book { title }')));
    expect(operationName).toBe('Second');
  });

  it.each([undefined, 'Renamed'])('the first one is compared if the chosen one is %s', (name) => {
    expect(documents(query, current, name)).toMatchObject({ operationName: 'First' });
  });
});

describe('what cannot be compared is refused with a reason', () => {
  it.each(['', ' \n\t', '# only a comment\n# { books }', ' ,\uFEFF'])('the empty editor %j', (query) => {
    expect(faultOf(query)).toMatchObject({ code: 'EMPTY', message: expect.stringContaining('The editor is empty') });
  });

  it('fragments alone', () => {
    expect(faultOf('fragment book on Book { title }')).toMatchObject({ code: 'EMPTY' });
  });

  it('a syntax error, with its place', () => {
    expect(faultOf('{\n  books(')).toMatchObject({
      code: 'SYNTAX',
      message: expect.stringMatching(/^Syntax Error: .* \(line 2, column \d+\)$/),
    });
  });

  it.each([
    ['mutation { write }', 'mutation'],
    ['subscription { books }', 'subscription'],
  ])('%s', (query, kind) => {
    expect(faultOf(query)).toMatchObject({
      code: 'NOT_A_QUERY',
      message: expect.stringContaining(`this is a ${kind}`),
    });
  });

  it.each(['', 'directive @cache(ttl: Int) on FIELD'])('a server with the directive %j', (directive) => {
    expect(faultOf('{ books { title } }', buildSchema(`${directive} ${types}`))).toMatchObject({ code: 'NO_BYPASS' });
  });
});
