// The response cache: which responses it stores, and how long it uses them.
import SchemaBuilder, { BasePlugin, type SchemaTypes } from '@pothos/core';
import {
  execute,
  GraphQLObjectType,
  parse,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLFieldConfig,
  type GraphQLSchema,
} from 'graphql';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../src/cache/index.ts';
import CachePlugin, { ResponseCache } from '../../src/pothos-cache/index.ts';
import { advanceUntil, redisClient, times, type World } from '../cache/world.ts';
import { newResponseCacheWorld, type ResponseCacheWorld } from './response-cache-world.ts';
import type { RequestContext, Builder } from './world.ts';

interface Item {
  readonly id: number;
  readonly name: string | null;
  readonly at?: Date;
}

const cache = { scope: 'public', ttl: '60s' } as const;
const parentId = ({ id }: { id: number }): number => id;
const items: readonly Item[] = [
  { id: 1, name: 'one' },
  { id: 2, name: null },
];

/** Items with exposed fields, and fields for each reason why a response is not cacheable. */
function defineItems(builder: Builder, { source }: World): void {
  source.gives(items);
  const load = (): Promise<Item[]> => source.load() as Promise<Item[]>;
  const ItemRef = builder.objectRef<Item>('Item');
  const Named = builder.interfaceRef<Item>('Named').implement({
    fields: (t) => ({ name: t.exposeString('name', { nullable: true }) }),
    resolveType: () => 'Item',
  });
  ItemRef.implement({
    interfaces: [Named],
    fields: (t) => ({
      id: t.exposeInt('id'),
      needed: t.exposeString('name' as never, { nullable: false }),
      renamed: t.exposeInt('id'),
      counted: t.int({ resolve: () => source.loads }),
      cachedChild: t.int({ cache: { ...cache, parentId }, resolve: () => 1 }),
      privateChild: t.int({ cache: { ...cache, scope: 'private', parentId }, resolve: () => 1 }),
      unkeyed: t.int({ cache: { ...cache, parentId: () => NaN }, resolve: () => 1 }),
      self: t.field({ type: ItemRef, resolve: (item) => item }),
    }),
  });
  const Checked = builder.objectRef<Item>('Checked').implement({
    isTypeOf: () => true,
    fields: (t) => ({ id: t.exposeInt('id') }),
  });
  const Either = builder.unionType('Either', { types: [ItemRef], resolveType: () => 'Item' });
  builder.queryFields((t) => ({
    items: t.field({ type: [ItemRef], args: { n: t.arg.int() }, cache: { ...cache, tags: ['items'] }, resolve: load }),
    brief: t.int({ cache: { ...cache, ttl: '30s' }, resolve: () => 1 }),
    uncached: t.field({ type: [ItemRef], resolve: () => [...items] }),
    strict: t.field({ type: [ItemRef], cache: { ...cache, strict: true }, resolve: load }),
    secret: t.field({ type: [ItemRef], cache: { ...cache, scope: 'private' }, resolve: load }),
    varied: t.field({ type: [ItemRef], cache: { ...cache, vary: ({ locale }) => locale }, resolve: load }),
    named: t.field({ type: [Named], cache, resolve: load }),
    either: t.field({ type: [Either], cache, resolve: load }),
    checked: t.field({ type: [Checked], cache, resolve: load }),
    root: t.field({ type: 'Query' as never, nullable: false, resolve: () => ({}) as never }),
    now: t.int({ resolve: () => source.loads }),
  }));
  builder.mutationType({
    fields: (t) => ({
      root: t.field({ type: 'Query' as never, resolve: () => ({}) as never }),
      items: t.field({ type: [ItemRef], resolve: () => [...items] }),
    }),
  });
}

function newShop(): Promise<ResponseCacheWorld> {
  return newResponseCacheWorld(defineItems);
}

it('does not cache the response to a request of more than 8,192 characters', async () => {
  const { becomesCached } = await newShop();
  const padded = (chars: number): string => `{ items { id } }${'#'.repeat(chars - 16)}`;
  expect(await becomesCached(padded(8_192))).toBe(true);
  expect(await becomesCached(padded(8_193))).toBe(false);
});

it.each<[string, (given: object) => object, string]>([
  ['no engine', () => ({}), 'engine must be what createCache returns, got undefined'],
  [
    'a fraction of a byte',
    (given) => ({ ...given, bytesMax: 1.5 }),
    'bytesMax must be a whole number, at least 1, got 1.5',
  ],
  ['no bytes', (given) => ({ ...given, bytesMax: 0 }), 'bytesMax must be a whole number, at least 1, got 0'],
  [
    'an unknown option',
    (given) => ({ ...given, size: 1 }),
    'unknown option "size"; it has engine, bytesMax, hasReport',
  ],
])('a response cache rejects %s', async (_, change, message) => {
  const { cache: engine } = await newShop();
  const options = change({ engine, bytesMax: 1, hasReport: false });
  expect(() => new ResponseCache(options as never)).toThrow(`ResponseCache: ${message}`);
});

describe('a response that depends on cached values alone', () => {
  it.each([
    '{ items { id } }',
    '{ items { __typename key: id id } more: items(n: 1) { id } }',
    'query A { items { ...f } } fragment f on Item { ... on Item { id } }',
    '{ items { id } items { id __typename } control }',
    '{ items { id @skip(if: true) __typename } control @include(if: false) }',
    '{ control }',
    '{ items { id } __typename }',
    '{ items { id cachedChild } }',
  ])('is cached: %s', async (text) => {
    const { ask, becomesCached } = await newShop();
    const { body } = await ask(text);
    expect(await becomesCached(text)).toBe(true);
    expect(await ask(text)).toEqual({ isCached: true, body });
  });

  it('counts as a hit of each of its fields', async () => {
    const { ask, becomesCached, trace, clock } = await newShop();
    await becomesCached('{ items { id } control }');
    clock.advance(100);
    trace.take();
    await ask('{ items { id } control }');
    expect(trace.events).toMatchObject([
      { type: 'hit', field: 'Query.items', tier: 'memory' },
      { type: 'hit', field: 'Query.control', tier: 'memory' },
    ]);
  });
});

/** If each fragment were visited as often as it is spread, that would be 2^25 visits. */
it('caches the response to a query whose fragments each spread the next one twice', async () => {
  const { becomesCached } = await newShop();
  const doubling = times(25, (n) => `fragment f${n} on Item { ...f${n + 1} ...f${n + 1} }`).join(' ');
  expect(await becomesCached(`{ items { ...f0 } } ${doubling} fragment f25 on Item { id }`)).toBe(true);
});

describe('a response', () => {
  it.each([
    ['with an uncached field', '{ uncached { id } }'],
    ['with an uncached field beside a cached one', '{ items { id } now }'],
    ['with introspection', '{ __schema { queryType { name } } }'],
    ['with a strict field', '{ strict { id } }'],
    ['with a private field and no viewer', '{ secret { id } }'],
    ['with a field that varies, and no variation', '{ varied { id } }'],
    ['with an interface', '{ named { name } }'],
    ['with a union', '{ either { ... on Item { id } } }'],
    ['with __typename on an interface', '{ named { __typename } }'],
    ['with __typename on a union', '{ either { __typename } }'],
    ['with a type that has isTypeOf', '{ checked { id } }'],
    ['with a child that has a resolver', '{ items { id counted } }'],
    ['with a child that has a resolver, in a fragment', '{ items { ...f } } fragment f on Item { ... { counted } }'],
    ['with a child that has a resolver, below a field that is selected twice', '{ items { id } items { counted } }'],
    ['with an object child that has a resolver', '{ items { self { id } } }'],
    ['with a cached child whose key cannot be computed', '{ items { id unkeyed } }'],
    ['with a private child', '{ items { id privateChild } }'],
    ['with errors', '{ items { id needed } }'],
    ['with mode USE', '{ items @cache(mode: USE) { id } }'],
    ['with mode BYPASS', '{ items @cache(mode: BYPASS) { id } }'],
    ['with mode REFRESH', '{ items @cache(mode: REFRESH) { id } }'],
    ['with mode USE for the query', 'query @cache(mode: USE) { items { id } }'],
    ['with mode BYPASS for the query', 'query @cache(mode: BYPASS) { items { id } }'],
    ['with mode REFRESH for the query', 'query @cache(mode: REFRESH) { items { id } }'],
    ['with mode BYPASS for the query, and USE for its field', 'query @cache(mode: BYPASS) { items @cache { id } }'],
    ['with an uncached field under the name of a cached one', '{ items: root { items { id } now } }'],
    ['with a directive on the operation', 'query @live { items { id } }'],
    ['with a directive on a fragment', '{ items { ...f } } fragment f on Item @live { id }'],
    ['with a directive on a fragment spread', '{ items { ...f @live } } fragment f on Item { id }'],
    ['with a directive on an inline fragment', '{ items { ... @live { id } } }'],
    ['for a mutation', 'mutation { root { control } }'],
    ['for a mutation with the name of a cached query, and a cached child', 'mutation { items { id cachedChild } }'],
    ['if it is empty', '{ items @skip(if: true) { id } }'],
  ])('is not cached %s: %s', async (_, text) => {
    const { becomesCached } = await newShop();
    expect(await becomesCached(text)).toBe(false);
  });

  it('is not cached with a private or varying field if the request has a viewer and a locale', async () => {
    const { becomesCached } = await newShop();
    const context: RequestContext = { viewer: 1, locale: 'de' };
    expect(await becomesCached('{ secret { id } }', context)).toBe(false);
    expect(await becomesCached('{ varied { id } }', context)).toBe(false);
  });

  it('is not cached if a plugin wraps the cached resolver, as authorisation does', async () => {
    const { becomesCached } = await newResponseCacheWorld(defineItems, { build: () => guarded('Query.items') });
    expect(await becomesCached('{ items { id } }')).toBe(false);
  });

  it('is not possible if a plugin after the cache wraps a cached field: building the schema throws', async () => {
    const build = (): Builder => guarded('Query.items', [CachePlugin, guardPlugin]);
    await expect(newResponseCacheWorld(defineItems, { build })).rejects.toThrow(
      /^Query\.items: a plugin listed after 'cache'/,
    );
  });

  it('is not cached if a plugin wraps a child', async () => {
    const { becomesCached } = await newResponseCacheWorld(defineItems, { build: () => guarded('Item.id') });
    expect(await becomesCached('{ items { id } }')).toBe(false);
  });

  it.each(['id', 'renamed'])('is not cached if a plugin after the cache wraps the child %s', async (child) => {
    const build = (): Builder => guarded(`Item.${child}`, [CachePlugin, guardPlugin]);
    const { becomesCached } = await newResponseCacheWorld(defineItems, { build });
    expect(await becomesCached(`{ items { ${child} } }`)).toBe(false);
  });

  it.each([
    ['a cached field', 'Query', 'items'],
    ['a child', 'Item', 'id'],
  ])('is not cached if %s was wrapped after the schema was built', async (_, type, field) => {
    const wrap = (schema: GraphQLSchema): GraphQLSchema => rewrapped(schema, type, field);
    const { becomesCached } = await newResponseCacheWorld(defineItems, { wrap });
    expect(await becomesCached('{ items { id } }')).toBe(false);
  });

  it('is not cached with more than 100 cached fields', async () => {
    const { becomesCached } = await newShop();
    const fields = (count: number): string => times(count, (n) => `a${n}: control`).join(' ');
    expect(await becomesCached(`{ ${fields(100)} }`)).toBe(true);
    expect(await becomesCached(`{ ${fields(101)} }`)).toBe(false);
  });

  it.each<[string, Partial<ExecutionArgs>, ExecutionResult]>([
    ['with an empty list of errors', {}, { data: {}, errors: [] }],
    ['with extensions', {}, { data: {}, extensions: {} }],
    ['with null as data', {}, { data: null }],
    ['without data', {}, {}],
    ['with a root value', { rootValue: { control: 1 } }, { data: {} }],
    ['with a default field resolver', { fieldResolver: () => 1 }, { data: {} }],
  ])('is not cached %s', async (_, more, result) => {
    const { becomesCached, responseCache, schema } = await newShop();
    await becomesCached('{ control }');
    const args = { schema, document: parse('{ control }'), contextValue: {} };
    await execute(args);
    expect(responseCache.cacheable(args, { data: {} })).toBeDefined();
    expect(responseCache.cacheable({ ...args, ...more }, result)).toBeUndefined();
  });

  it('is not cached if it is larger than the response cache', async () => {
    const world = await newResponseCacheWorld(defineItems, { bytesMax: 2_000 });
    world.source.gives([{ id: 1, name: 'n' }]);
    expect(await world.becomesCached('{ items { id } more: items(n: 2) { id } }')).toBe(false);
  });
});

describe('a cached response', () => {
  const text = '{ items { id } control }';

  it('is not used after one of its tags has been invalidated in this process', async () => {
    const { ask, becomesCached, cache: engine, source } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    source.gives([{ id: 3, name: null }]);
    await engine.invalidate(['items']);
    expect(await ask(text)).toEqual({ isCached: false, body: '{"data":{"items":[{"id":3}],"control":"control"}}' });
  });

  it('is not used after a flush', async () => {
    const { ask, becomesCached, cache: engine } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    await engine.flush();
    expect((await ask(text)).isCached).toBe(false);
  });

  it('is not used after one of its values has been replaced', async () => {
    const { ask, becomesCached, source } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    source.gives([{ id: 4, name: null }]);
    await ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await ask(text)).toMatchObject({ isCached: false, body: expect.stringContaining('{"id":4}') as string });
  });

  it('is not used after one of its values has been replaced and the new one is in memory', async () => {
    const { ask, becomesCached, source } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    source.gives([{ id: 4, name: null }]);
    await ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await becomesCached('{ new: items { id } }')).toBe(true);
    expect(await ask(text)).toMatchObject({ isCached: false, body: expect.stringContaining('{"id":4}') as string });
  });

  it('is not used after one of its values has been evicted from memory', async () => {
    const { ask, becomesCached } = await newResponseCacheWorld((builder, world) => {
      defineItems(builder, world);
      builder.queryField('big', (t) =>
        t.string({ args: { n: t.arg.int() }, cache, resolve: () => 'x'.repeat(200_000) }),
      );
    });
    expect(await becomesCached(text)).toBe(true);
    // Three requests each: memory keeps a value only if no change of its key is reported while it is read.
    for (let n = 0; n < 8; n += 1)
      for (let repetition = 0; repetition < 3; repetition += 1) await ask(`{ big(n: ${n}) }`);
    expect((await ask(text)).isCached).toBe(false);
  });

  it('is not used after the first of its values has expired', async () => {
    const { ask, becomesCached, cache: engine, clock } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    expect(await becomesCached('{ items { id } brief }')).toBe(true);
    for (let leftMs = 30_000; leftMs > 0; leftMs -= 100) clock.advance(100);
    await advanceUntil(clock, 100, () => engine.memory?.isCoherent === true);
    expect((await ask('{ items { id } brief }')).isCached).toBe(false);
    expect((await ask(text)).isCached).toBe(true);
  });

  it('is revalidated in the store while the memory tier is not coherent', async () => {
    const { ask, becomesCached, clock, trace } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    clock.advance(501);
    trace.take();
    expect((await ask(text)).isCached).toBe(true);
    expect(trace.events.filter(({ type }) => type === 'hit')).toMatchObject([{ tier: 'redis' }, { tier: 'redis' }]);
  });

  it('is not used inside a load, which must fetch the values that it depends on', async () => {
    const { becomesCached, cache: engine, responseCache } = await newShop();
    expect(await becomesCached(text)).toBe(true);
    const key = engine.key({ field: 'Query.outer' });
    const inside = await engine.fetch(
      key,
      createPolicy('Query.outer', { ttl: '60s' }),
      () => responseCache.get(text) === undefined,
    );
    expect(inside).toBe(true);
  });
});

it('evicts the least recently used responses when it is full', async () => {
  const { ask, becomesCached } = await newResponseCacheWorld(defineItems, { bytesMax: 10_000 });
  expect(await becomesCached('{ items { id } }')).toBe(true);
  for (let n = 0; n < 30; n += 1) await ask(`{ name${n}: items { id } }`);
  expect((await ask('{ name29: items { id } }')).isCached).toBe(true);
  expect((await ask('{ name0: items { id } }')).isCached).toBe(false);
});

describe('a cached response without a memory tier', () => {
  const text = '{ items { id } control }';
  const newStoreShop = (options: { namespace?: string } = {}): Promise<ResponseCacheWorld> =>
    newResponseCacheWorld(defineItems, { ...options, memoryBytesMax: 0 });

  it('is used while the store has its entries', async () => {
    const { ask, becomesCached, trace } = await newStoreShop();
    expect(await becomesCached(text)).toBe(true);
    trace.take();
    expect(await ask(text)).toMatchObject({ isCached: true, body: expect.stringContaining('"id":1') as string });
    expect(trace.events).toMatchObject([
      { type: 'hit', tier: 'redis' },
      { type: 'hit', tier: 'redis' },
    ]);
  });

  it('is not used after another process has invalidated one of its tags', async () => {
    const { ask, becomesCached, namespace, source } = await newStoreShop();
    const { cache: other } = await newStoreShop({ namespace });
    expect(await becomesCached(text)).toBe(true);
    source.gives([{ id: 3, name: null }]);
    await other.invalidate(['items']);
    expect(await ask(text)).toMatchObject({ isCached: false, body: expect.stringContaining('[{"id":3}]') as string });
  });

  it('is not used after another process has replaced one of its values', async () => {
    const { ask, becomesCached, namespace } = await newStoreShop();
    const other = await newStoreShop({ namespace });
    expect(await becomesCached(text)).toBe(true);
    other.source.gives([{ id: 5, name: null }]);
    await other.ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await ask(text)).toMatchObject({ isCached: false, body: expect.stringContaining('[{"id":5}]') as string });
  });

  it.each<[string, (redis: Redis, key: string) => Promise<unknown>]>([
    ['has been deleted', (redis, key) => redis.del(key)],
    [
      'has been truncated',
      async (redis, key) => redis.set(key, (await redis.get(key))?.slice(0, -1) ?? '', 'PX', 1_000),
    ],
    ['has been given a longer TTL', (redis, key) => redis.pexpire(key, 90_000)],
    ['has been overwritten with other content', (redis, key) => redis.set(key, 'x'.repeat(200), 'PX', 1_000)],
    [
      'has been replaced by one of equal length',
      async (redis, key) =>
        redis.set(
          key,
          (await redis.get(key))?.replace(/^\{"id":"[\w-]{16}/, `{"id":"${'x'.repeat(16)}`) ?? '',
          'PX',
          1_000,
        ),
    ],
  ])('is not used if one of its entries %s', async (_, damage) => {
    const { ask, becomesCached, cache: engine } = await newStoreShop();
    const redis = await redisClient();
    expect(await becomesCached(text)).toBe(true);
    const [key = ''] = await redis.keys(`${engine.namespace}:*Query:items*`);
    await damage(redis, key);
    expect((await ask(text)).isCached).toBe(false);
  });
});

const guardPlugin = 'readyTestGuard';
let guardedField = '';

class GuardPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    ...[resolver, { parentType, name }]: Parameters<BasePlugin<Types>['wrapResolve']>
  ): ReturnType<BasePlugin<Types>['wrapResolve']> {
    if (`${parentType}.${name}` !== guardedField) return resolver;
    return (...args) => resolver(...args);
  }
}
SchemaBuilder.registerPlugin(guardPlugin as never, GuardPlugin as never);

/** A builder with a plugin that wraps `field`: by default before the cache plugin, so that it wraps outermost. */
function guarded(field: string, plugins: string[] = [guardPlugin, CachePlugin]): Builder {
  guardedField = field;
  return new SchemaBuilder<{ Context: RequestContext }>({ plugins: plugins as never[] });
}

/** Wraps the resolver of a field of a built schema, as the directives of other tools do. */
function rewrapped(schema: GraphQLSchema, typeName: string, fieldName: string): GraphQLSchema {
  const type = schema.getType(typeName);
  if (!(type instanceof GraphQLObjectType)) throw new Error(typeName);
  const field = type.getFields()[fieldName];
  if (field === undefined) throw new Error(fieldName);
  const { resolve } = field;
  const wrapper: GraphQLFieldConfig<unknown, unknown>['resolve'] = (...args) => resolve?.(...args);
  field.resolve = wrapper;
  return schema;
}

it('a response with an instance of a class, exposed under another name, is not cached', async () => {
  class Writer {
    greeting(_args: object, { viewer }: RequestContext): string {
      return `Hello ${viewer}`;
    }
  }
  const isWriter = (value: object): boolean => value instanceof Writer;
  const codecs = [{ name: 'Writer', test: isWriter, encode: () => '', decode: () => new Writer() }];
  const define = (builder: Builder): void => {
    const WriterRef = builder.objectRef<Writer>('Writer').implement({
      fields: (t) => ({ greeting: t.exposeString('greeting' as never, { nullable: true }) }),
    });
    const Book = builder.objectRef<{ writer: Writer; title: string }>('Book').implement({
      fields: (t) => ({ author: t.expose('writer', { type: WriterRef }), title: t.exposeString('title') }),
    });
    const resolve = (): { writer: Writer; title: string } => ({ writer: new Writer(), title: 'a' });
    builder.queryField('book', (t) => t.field({ type: Book, cache, resolve }));
  };
  const world = await newResponseCacheWorld(define, { codecs });
  const answers = [];
  for (const viewer of ['ada', 'ada', 'bob']) {
    answers.push((await world.ask('{ book { author { greeting } } }', { viewer })).body);
  }
  expect(answers[2]).toBe('{"data":{"book":{"author":{"greeting":"Hello bob"}}}}');
  expect(await world.becomesCached('{ book { author { greeting } } }', { viewer: 'ada' })).toBe(false);
});
