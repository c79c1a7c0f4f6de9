// `cacheResolver`: one resolver of any schema.
import {
  execute,
  GraphQLEnumType,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLSchema,
  Kind,
  parse,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';
import {
  cacheReportOf,
  cacheResolver,
  checkCachedFields,
  httpCachingOf,
  ResponseCache,
  withCacheDirective,
} from '../../src/graphql-cache/index.ts';
import { newWorld, settled, type World } from '../cache/world.ts';
import { runOn } from '../pothos-cache/world.ts';
import { newPlainSchema, schemaOf, wrapFor, type Resolve, type Wrap } from './world.ts';

const engine = createCache({ store: createMemoryStore({ namespace: 'unused' }), log: false });

describe('options are checked by the call', () => {
  const right = { engine, ttl: '60s', scope: 'public' };
  it.each<[string, unknown, string]>([
    ['no options', undefined, 'cacheResolver: the options must be an object with engine, '],
    [
      'no engine',
      { ttl: '60s', scope: 'public' },
      'cacheResolver: engine must be what createCache returns, got undefined',
    ],
    ['another engine', { ...right, engine: {} }, 'engine must be what createCache returns, got an object'],
    ['an unknown option', { ...right, tll: '60s' }, 'unknown option "tll"; it has engine, '],
    ['no ttl', { ...right, ttl: undefined }, 'cacheResolver: ttl must be set'],
    ['a wrong ttl', { ...right, ttl: '60' }, 'cacheResolver: ttl must be a whole number with a unit'],
    [
      'no scope',
      { ...right, scope: undefined },
      "cacheResolver: scope is required and must be 'public' or 'private', got undefined",
    ],
    ['private without viewer', { ...right, scope: 'private' }, "'private' needs viewer, an option of cacheResolver"],
    ['a wrong viewer', { ...right, viewer: 'user' }, 'viewer must be a function of the context, got "user"'],
    [
      'a wrong parentId',
      { ...right, parentId: 'id' },
      'cacheResolver: parentId must be a function such as ({ id }) => id',
    ],
    ['a wrong tag', { ...right, tags: [''] }, 'cacheResolver: '],
    [
      'refill alone',
      { ...right, refill: true },
      'cacheResolver: refill needs refreshContext, an option of cacheResolver',
    ],
    ['a wrong http', { ...right, http: '2m' }, "cacheResolver: http must be whole seconds such as '30s', at most ttl"],
    ['defaults', { ...right, defaults: {} }, 'unknown option "defaults"'],
  ])('%s', (_, options, message) => {
    expect(() => cacheResolver(options as never, () => 1)).toThrow(message);
    expect(() => cacheResolver(options as never, () => 1)).toThrow(expect.objectContaining({ name: 'CacheError' }));
  });

  it('a resolver that is not a function, such as one with subscribe', () => {
    const message = 'cacheResolver: resolve must be a function, and not one that cacheResolver returned, got an object';
    expect(() => cacheResolver(right as never, { subscribe: () => {} } as never)).toThrow(message);
  });

  it('a resolver that is cached already, also if it was bound', () => {
    const cached = cacheResolver(right as never, () => 1);
    for (const again of [cached, cached.bind({})]) {
      expect(() => cacheResolver(right as never, again)).toThrow('not one that cacheResolver returned, got a function');
    }
  });

  it('an option that is undefined is not given, and false turns one off', () => {
    const options = { ...right, stale: undefined, vary: false, nullTtl: false, http: undefined };
    expect(() => cacheResolver(options as never, () => 1)).not.toThrow();
  });
});

describe('a field that cannot be cached is an error at its first request, and of checkCachedFields', () => {
  it.each([
    ['Mutation', 'mutation { add }', 'type Query { a: Int } type Mutation { add: Int }', 'add'],
    [
      'Write',
      'mutation { add }',
      'schema { query: Query mutation: Write } type Query { a: Int } type Write { add: Int }',
      'add',
    ],
    ['Subscription', 'subscription { added }', 'type Query { a: Int } type Subscription { added: Int }', 'added'],
  ])('of %s', async (type, text, sdl, field) => {
    let calls = 0;
    const { run, schema } = await newPlainSchema(sdl, (wrap) => ({
      [type]: { [field]: wrap({}, () => (calls += 1)) },
    }));
    const message = `${type}.${field}: a field of ${type} cannot be cached`;
    expect((await run(text)).errors).toEqual([message]);
    expect((await run(text)).errors).toEqual([message]);
    expect(() => checkCachedFields(schema)).toThrow(message);
    expect(calls).toBe(0);
  });

  it('of an object, without parentId', async () => {
    const sdl = 'type Query { book: Book } type Book { rating: Int }';
    const { run, schema } = await newPlainSchema(sdl, (wrap) => ({
      Query: { book: () => ({ id: 1 }) },
      Book: { rating: wrap({}, () => 5) },
    }));
    const message = 'Book.rating: parentId must be a function such as ({ id }) => id on a field of an object.';
    expect((await run('{ book { rating } }')).errors).toEqual([expect.stringContaining(message)]);
    expect(() => checkCachedFields(schema)).toThrow(message);
  });
});

describe('one resolver', () => {
  it('has values of its own for each field and each type', async () => {
    const sdl = 'type Query { a: String b: String item: Item } type Item { a: String }';
    const { run } = await newPlainSchema(sdl, (wrap) => {
      const resolve = wrap(
        { parentId: () => 1 },
        (_parent, _args, _context, { parentType, fieldName }) => `${parentType.name}.${fieldName}`,
      );
      return { Query: { a: resolve, b: resolve, item: () => ({}) }, Item: { a: resolve } };
    });
    for (const states of ['miss miss miss', 'hit hit hit']) {
      const expected = { data: { a: 'Query.a', b: 'Query.b', item: { a: 'Item.a' } }, states };
      expect(await run('{ a b item { a } }')).toMatchObject(expected);
    }
  });

  it('has a schema digest of its own for each field', async () => {
    const { run, cache } = await newPlainSchema('type Query { a: Int b: Float }', (wrap) => {
      const resolve = wrap({}, () => 1);
      return { Query: { a: resolve, b: resolve } };
    });
    const { rows } = await run('{ a b }');
    expect(new Set(rows.map(({ key }) => key.split(':')[1])).size).toBe(2);
    expect([await cache.delete('Query.a'), await cache.delete('Query.b')]).toEqual([1, 1]);
  });

  it('has values of its own in a schema with more types, although both share the others', async () => {
    const world = await newWorld('memory');
    const fields = { id: { type: GraphQLInt } };
    const Named = new GraphQLInterfaceType({ name: 'Named', fields, resolveType: () => 'A' });
    const typeOf = (name: string): GraphQLObjectType => new GraphQLObjectType({ name, fields, interfaces: [Named] });
    const named = { type: Named, resolve: wrapFor(world)({}, () => ({ id: 1 })) };
    const query = new GraphQLObjectType({ name: 'Query', fields: { named } });
    const [A, B] = [typeOf('A'), typeOf('B')];
    const states = [];
    for (const types of [[A], [A, B], [A]])
      states.push((await runOn(new GraphQLSchema({ query, types }), '{ named { id } }')).states);
    expect(states).toEqual(['miss', 'miss', 'hit']);
  });

  it('has values of its own in each schema of another shape, and shares those of the same shape', async () => {
    const world = await newWorld('memory');
    let loads = 0;
    const a = wrapFor(world)({}, () => ({ n: (loads += 1) }));
    const schemas = ['type A { n: Int }', 'type A { n: Int }', 'type A { n: Int! }'].map((type) =>
      schemaOf(`type Query { a: A } ${type}`, { Query: { a } }),
    );
    const states = [];
    for (const schema of schemas) states.push((await runOn(schema, '{ a { n } }')).states);
    expect(states).toEqual(['miss', 'hit', 'miss']);
  });
});

describe('the schema digest of a field', () => {
  const digestOf = async (sdl: string, options: object = {}): Promise<string | undefined> => {
    const { digests } = await newPlainSchema(sdl, (wrap) => ({ Query: { a: wrap(options, () => null) } }));
    return (await digests('{ a { n } }'))[0];
  };
  const sdl = 'type Query { a(e: E): A b: B } type A { n: Int e: E } enum E { X Y } type B { n: Int }';

  it('is the same for an equal schema', async () => {
    expect(await digestOf(sdl)).toMatch(/^[0-9a-f]{6}$/);
    expect(await digestOf(sdl)).toBe(await digestOf(sdl));
  });

  it('does not change with a type that the field does not reach', async () => {
    expect(await digestOf(sdl.replace('type B { n', 'type B { m'))).toBe(await digestOf(sdl));
  });

  it.each<[string, string, object]>([
    ['its type', sdl.replace('a(e: E): A', 'a(e: E): A!'), {}],
    ['a type that it reaches', sdl.replace('n: Int e', 'n: Float e'), {}],
    ['an enum of its arguments', sdl.replace('X Y', 'X Z'), {}],
    ['its ttl', sdl, { ttl: '61s' }],
    ['its tags', sdl, { tags: ['a'] }],
    ['the version', sdl, { version: '2' }],
  ])('changes with %s', async (_, other, options) => {
    expect(await digestOf(other, options)).not.toBe(await digestOf(sdl));
  });
});

describe('cache.delete', () => {
  const sdl = 'enum Order { UP DOWN } type Query { items(limit: Int = 3, order: Order = UP, q: String!): Int }';

  it('finds a value, with the defaults of its arguments', async () => {
    let loads = 0;
    const { run, cache } = await newPlainSchema(sdl, (wrap) => ({ Query: { items: wrap({}, () => (loads += 1)) } }));
    await run('{ items(q: "a") }');
    expect(await cache.delete('Query.items', { q: 'a' })).toBe(1);
    expect(await run('{ items(q: "a") }')).toMatchObject({ data: { items: 2 }, states: 'miss' });
  });

  it('finds what another process has stored, after checkCachedFields', async () => {
    const one = await newWorld('redis');
    const other = await newWorld('redis', { namespace: one.namespace });
    const schemaFor = (world: World): GraphQLSchema => schemaOf(sdl, { Query: { items: wrapFor(world)({}, () => 1) } });
    const otherSchema = schemaFor(other);
    await runOn(schemaFor(one), '{ items(q: "a") }');
    expect(await other.cache.delete('Query.items', { q: 'a' })).toBe(0);
    expect(checkCachedFields(otherSchema)).toEqual(['Query.items']);
    expect(await other.cache.delete('Query.items', { q: 'a' })).toBe(1);
  });

  it('finds the values of more than 16 fields', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
    const { run, cache } = await newPlainSchema(`type Query { ${names.join(': Int ')}: Int }`, (wrap) => ({
      Query: Object.fromEntries(names.map((name) => [name, wrap({}, () => 1)])),
    }));
    await run(`{ ${names.join(' ')} }`);
    for (const name of names) expect(await cache.delete(`Query.${name}`)).toBe(1);
  });
});

describe('a resolver that reads the selection', () => {
  const sdl = 'type Query { book: Book } type Book { id: Int name: Int }';
  const resolve: Resolve = (_parent, _args, _context, { fieldNodes }) => {
    const names = fieldNodes.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
    return Object.fromEntries(names.map((node) => [node.kind === Kind.FIELD ? node.name.value : '', 1]));
  };

  it.each([
    ['is not cached', false, ['miss', 'miss', 'miss']],
    ['is cached for each selection, with the option', true, ['miss', 'hit', 'miss']],
  ])('%s', async (_, selection, expected) => {
    const { run } = await newPlainSchema(sdl, (wrap) => ({ Query: { book: wrap({ selection }, resolve) } }));
    const states = [];
    for (const field of ['id', 'id', 'name']) {
      const result = await run(`{ book { ${field} } }`);
      expect(result.data).toEqual({ book: { [field]: 1 } });
      states.push(result.states);
    }
    expect(states).toEqual(expected);
  });
});

it('with stale, the expired value is returned and loaded again in the background', async () => {
  let loads = 0;
  const world = await newPlainSchema('type Query { n: Int }', (wrap) => ({
    Query: { n: wrap({ stale: '5m', early: false }, () => (loads += 1)) },
  }));
  await world.run('{ n }');
  world.clock.advance(61_000);
  expect(await world.run('{ n }')).toMatchObject({ data: { n: 1 }, states: 'stale' });
  await settled(world);
  expect(await world.run('{ n }')).toMatchObject({ data: { n: 2 }, states: 'hit' });
});

describe('@cache', () => {
  const resolvers = (wrap: Wrap): Record<string, Record<string, Resolve>> => ({ Query: { n: wrap({}, () => 1) } });
  const bypassing = parse('{ n @cache(mode: BYPASS) }');
  const stateIn = async (schema: GraphQLSchema): Promise<unknown> => {
    const contextValue = {};
    await execute({ schema, document: bypassing, contextValue });
    return cacheReportOf(contextValue)?.fields[0]?.state;
  };

  it('has no effect in a schema without the directive, even on a document that is not validated', async () => {
    const { schema } = await newPlainSchema('type Query { n: Int }', resolvers);
    expect([await stateIn(schema), await stateIn(schema)]).toEqual(['miss', 'hit']);
  });

  it('may be declared by the SDL, and is disabled by directive: false', async () => {
    const sdl =
      'directive @cache(mode: CacheMode! = USE) on FIELD | QUERY enum CacheMode { USE BYPASS REFRESH } type Query { n: Int }';
    const { schema, run } = await newPlainSchema(sdl, resolvers);
    expect(withCacheDirective(schema)).toBe(schema);
    await run('{ n }');
    expect(await stateIn(schema)).toBe('bypass');
    const text = 'query ($mode: CacheMode!) { n @cache(mode: $mode) }';
    expect((await run(text, { mode: 'BYPASS' })).states).toBe('bypass');
    const off = await newPlainSchema(sdl, (wrap) => ({ Query: { n: wrap({ directive: false }, () => 1) } }));
    await off.run('{ n }');
    expect(await stateIn(off.schema)).toBe('hit');
  });

  it.each([
    ['directive @cache(ttl: Int) on FIELD_DEFINITION', '@cache'],
    ['enum CacheMode { ON OFF }', 'CacheMode'],
  ])('is not added beside another one: %s', async (other, name) => {
    const { schema } = await newPlainSchema(`${other} type Query { n: Int }`, resolvers);
    expect(() => withCacheDirective(schema)).toThrow(`withCacheDirective: the schema has another ${name}`);
    expect([await stateIn(schema), await stateIn(schema)]).toEqual(['miss', 'hit']);
  });
});

describe('a field below a cached one', () => {
  const sdl = 'type Query { book: Book } type Book { label: String }';

  it('depends on that one, although each has been wrapped on its own', async () => {
    const row = { id: 1, name: 'Old' };
    const { run, cache } = await newPlainSchema(sdl, (wrap) => ({
      Query: { book: wrap({ tags: ['books'] }, () => ({ ...row })) },
      Book: { label: wrap({ parentId: ({ id }) => id }, (book) => `Book: ${(book as typeof row).name}`) },
    }));
    await run('{ book { label } }');
    row.name = 'New';
    await cache.invalidate(['books']);
    expect(await run('{ book { label } }')).toMatchObject({
      data: { book: { label: 'Book: New' } },
      states: 'miss miss',
    });
  });

  it('is not cached in another cache, which would not hear of its invalidation', async () => {
    const other = await newWorld('memory');
    const row = { id: 1, name: 'Old' };
    const errors: unknown[] = [];
    other.cache.on((event) => event.type === 'uncached' && errors.push(String(event.error)));
    const { run, cache } = await newPlainSchema(sdl, (wrap) => ({
      Query: { book: wrap({ tags: ['books'] }, () => ({ ...row })) },
      Book: { label: wrapFor(other)({ parentId: ({ id }) => id }, (book) => `Book: ${(book as typeof row).name}`) },
    }));
    await run('{ book { label } }');
    row.name = 'New';
    await cache.invalidate(['books']);
    expect((await run('{ book { label } }')).data).toEqual({ book: { label: 'Book: New' } });
    expect(errors[0]).toContain('Book.label: it is part of a value of another cache, Query.book');
  });
});

it('an object that is the internal value of an enum is never replaced by a copy', async () => {
  const world = await newWorld('redis');
  const euro = { code: 'EUR' };
  const Unit = new GraphQLEnumType({ name: 'Unit', values: { EUR: { value: euro }, USD: { value: 'usd' } } });
  const resolve = wrapFor(world)({}, () => euro);
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { unit: { type: Unit, resolve } } }),
  });
  for (let round = 0; round < 2; round += 1) {
    expect(await runOn(schema, '{ unit }')).toMatchObject({ data: { unit: 'EUR' }, errors: [] });
  }
});

it.each<[string, object, (string | undefined)[]]>([
  ['public cached fields is in the response cache', {}, [undefined, '{"a":{"n":1}}']],
  ['a private field is not', { scope: 'private', viewer: () => 'ada' }, [undefined, undefined]],
  ['a varied field is not', { vary: () => 'de' }, [undefined, undefined]],
])('an operation of %s', async (_, options, expected) => {
  const { schema, cache } = await newPlainSchema('type Query { a: A } type A { n: Int }', (wrap) => ({
    Query: { a: wrap(options, () => ({ n: 1 })) },
  }));
  const responses = new ResponseCache({ engine: cache, bytesMax: 10_000, hasReport: false });
  const cacheable = [];
  for (let round = 0; round < 2; round += 1) {
    const args = { schema, document: parse('{ a { n } }'), contextValue: {} };
    cacheable.push(responses.cacheable(args, await execute(args))?.data);
  }
  expect(cacheable).toEqual(expected);
});

describe('with a codec, a response with an instance of a class', () => {
  class Book {
    readonly title: string;

    constructor(title: string) {
      this.title = title;
    }

    greeting(_args: object, { user }: { user?: string }): string {
      return `Hello ${user}`;
    }
    get reads(): number {
      return (reads += 1);
    }
  }
  let reads = 0;
  const codecs = [
    {
      name: 'Book',
      test: (value: object) => value instanceof Book,
      encode: (value: object) => (value as Book).title,
      decode: (title: unknown) => new Book(String(title)),
    },
  ];
  const sdl = `type Query { book: Book shelf: Shelf titles: Titles }
    type Book { title: String greeting: String reads: Int }  type Shelf { books: [Book] }
    scalar Title  type Titles { all: [Title] }`;

  it.each<[string, string, boolean]>([
    ['is not reused, because its methods receive the context', '{ book { greeting } }', false],
    ['is not reused, because its getters may return anything', '{ book { reads } }', false],
    ['is not reused if the instance is inside of the value', '{ shelf { books { greeting } } }', false],
    ['is reused if the instance is serialized by a scalar', '{ titles { all } }', true],
  ])('%s', async (_, text, isReused) => {
    const world = await newWorld('memory', { codecs });
    const wrap = wrapFor(world);
    const schema = schemaOf(sdl, {
      Query: {
        book: wrap({}, () => new Book('a')),
        shelf: wrap({}, () => ({ books: [null, new Book('b')] })),
        titles: wrap({}, () => ({ all: [new Book('c')] })),
      },
    });
    Object.assign(schema.getType('Title') ?? {}, { serialize: (value: Book) => value.title });
    const responses = new ResponseCache({ engine: world.cache, bytesMax: 10_000, hasReport: false });
    for (const state of ['miss', 'hit']) {
      const args = { schema, document: parse(text), contextValue: { user: 'ada' } };
      const result = await execute(args);
      expect(result.errors).toBeUndefined();
      expect(httpCachingOf(args, result, '')?.isForEveryone).toBe(isReused);
      expect(responses.cacheable(args, result) !== undefined).toBe(isReused && state === 'hit');
    }
  });
});
