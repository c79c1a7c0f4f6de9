// Answers that are given again without GraphQL: which ones, and until when.
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
import CachePlugin from '../../src/pothos-cache/index.ts';
import { advanceUntil, redisClient, times, type World } from '../cache/world.ts';
import { newReadyWorld, type ReadyWorld } from './response-cache-world.ts';
import type { Asker, Builder } from './world.ts';

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

/** Items with exposed fields, and every kind of field that something stands against. */
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

function newShop(): Promise<ReadyWorld> {
  return newReadyWorld(defineItems);
}

it('a request of more than 8,192 characters is answered as usual', async () => {
  const { becomesReady } = await newShop();
  const padded = (chars: number): string => `{ items { id } }${'#'.repeat(chars - 16)}`;
  expect(await becomesReady(padded(8_192))).toBe(true);
  expect(await becomesReady(padded(8_193))).toBe(false);
});

describe('an answer is ready the next time', () => {
  it.each([
    '{ items { id } }',
    '{ items { __typename key: id id } more: items(n: 1) { id } }',
    'query A { items { ...f } } fragment f on Item { ... on Item { id } }',
    '{ items { id } items { id __typename } control }',
    '{ items { id @skip(if: true) __typename } control @include(if: false) }',
    '{ control }',
    '{ items { id } __typename }',
    '{ items { id cachedChild } }',
  ])('%s', async (text) => {
    const { ask, becomesReady } = await newShop();
    const { body } = await ask(text);
    expect(await becomesReady(text)).toBe(true);
    expect(await ask(text)).toEqual({ isReady: true, body });
  });

  it('and counts as a hit of each of its fields', async () => {
    const { ask, becomesReady, trace, clock } = await newShop();
    await becomesReady('{ items { id } control }');
    clock.advance(100);
    trace.take();
    await ask('{ items { id } control }');
    expect(trace.events).toMatchObject([
      { type: 'hit', field: 'Query.items', tier: 'memory' },
      { type: 'hit', field: 'Query.control', tier: 'memory' },
    ]);
  });
});

/** Were each looked into as often as it is spread, that would be thirty million times. */
it('an answer is ready the next time, also of fragments that double each other', async () => {
  const { becomesReady } = await newShop();
  const doubling = times(25, (n) => `fragment f${n} on Item { ...f${n + 1} ...f${n + 1} }`).join(' ');
  expect(await becomesReady(`{ items { ...f0 } } ${doubling} fragment f25 on Item { id }`)).toBe(true);
});

describe('an answer is never ready', () => {
  it.each([
    ['of a field that is not cached', '{ uncached { id } }'],
    ['of such a field beside a cached one', '{ items { id } now }'],
    ['of the schema', '{ __schema { queryType { name } } }'],
    ['of a strict field', '{ strict { id } }'],
    ['of a private field, for nobody', '{ secret { id } }'],
    ['of a varied field, where nothing is varied by', '{ varied { id } }'],
    ['of an interface', '{ named { name } }'],
    ['of a union', '{ either { ... on Item { id } } }'],
    ['of the types in an interface', '{ named { __typename } }'],
    ['of the types in a union', '{ either { __typename } }'],
    ['of a type that looks at its values', '{ checked { id } }'],
    ['with a child that has a resolver', '{ items { id counted } }'],
    ['with such a child in a fragment', '{ items { ...f } } fragment f on Item { ... { counted } }'],
    ['with such a child below one that is selected twice', '{ items { id } items { counted } }'],
    ['with a child of an object that has one', '{ items { self { id } } }'],
    ['with a cached child that has no key', '{ items { id unkeyed } }'],
    ['with a private child', '{ items { id privateChild } }'],
    ['with errors', '{ items { id needed } }'],
    ['with a mode', '{ items @cache(mode: USE) { id } }'],
    ['with a mode that goes past the cache', '{ items @cache(mode: BYPASS) { id } }'],
    ['with a mode that refreshes', '{ items @cache(mode: REFRESH) { id } }'],
    ['of a cached field below the root, under its name', '{ items: root { items { id } now } }'],
    ['with a directive on the operation', 'query @live { items { id } }'],
    ['with a directive on a fragment', '{ items { ...f } } fragment f on Item @live { id }'],
    ['with a directive where a fragment is spread', '{ items { ...f @live } } fragment f on Item { id }'],
    ['with a directive on a fragment without a name', '{ items { ... @live { id } } }'],
    ['of a mutation', 'mutation { root { control } }'],
    ['of a mutation that is named as a cached query, with a cached child', 'mutation { items { id cachedChild } }'],
    ['that is empty', '{ items @skip(if: true) { id } }'],
  ])('%s: %s', async (_, text) => {
    const { becomesReady } = await newShop();
    expect(await becomesReady(text)).toBe(false);
  });

  it('of a private or varied field, for someone', async () => {
    const { becomesReady } = await newShop();
    const someone: Asker = { viewer: 1, locale: 'de' };
    expect(await becomesReady('{ secret { id } }', someone)).toBe(false);
    expect(await becomesReady('{ varied { id } }', someone)).toBe(false);
  });

  it('where a plugin wraps the resolver around the cache, as authorisation does', async () => {
    const { becomesReady } = await newReadyWorld(defineItems, { build: () => guarded('Query.items') });
    expect(await becomesReady('{ items { id } }')).toBe(false);
  });

  it('of a cached field that a plugin after the cache wraps: no such schema is built', async () => {
    const build = (): Builder => guarded('Query.items', [CachePlugin, wrapped]);
    await expect(newReadyWorld(defineItems, { build })).rejects.toThrow(/^Query\.items: a plugin that stands after/);
  });

  it('where a plugin wraps a child', async () => {
    const { becomesReady } = await newReadyWorld(defineItems, { build: () => guarded('Item.id') });
    expect(await becomesReady('{ items { id } }')).toBe(false);
  });

  it.each(['id', 'renamed'])('where a plugin that stands after the cache wraps a child: %s', async (child) => {
    const build = (): Builder => guarded(`Item.${child}`, [CachePlugin, wrapped]);
    const { becomesReady } = await newReadyWorld(defineItems, { build });
    expect(await becomesReady(`{ items { ${child} } }`)).toBe(false);
  });

  it.each([
    ['a cached field', 'Query', 'items'],
    ['a child', 'Item', 'id'],
  ])('where %s was wrapped after the schema was built', async (_, type, field) => {
    const wrap = (schema: GraphQLSchema): GraphQLSchema => rewrapped(schema, type, field);
    const { becomesReady } = await newReadyWorld(defineItems, { wrap });
    expect(await becomesReady('{ items { id } }')).toBe(false);
  });

  it('of more than 100 cached fields', async () => {
    const { becomesReady } = await newShop();
    const fields = (count: number): string => times(count, (n) => `a${n}: control`).join(' ');
    expect(await becomesReady(`{ ${fields(100)} }`)).toBe(true);
    expect(await becomesReady(`{ ${fields(101)} }`)).toBe(false);
  });

  it.each<[string, Partial<ExecutionArgs>, ExecutionResult]>([
    ['with errors beside its data', {}, { data: {}, errors: [] }],
    ['with what somebody has added to it', {}, { data: {}, extensions: {} }],
    ['with null for data', {}, { data: null }],
    ['without data', {}, {}],
    ['of a root value', { rootValue: { control: 1 } }, { data: {} }],
    ['of a resolver for all fields', { fieldResolver: () => 1 }, { data: {} }],
  ])('%s', async (_, more, result) => {
    const { becomesReady, ready, schema } = await newShop();
    await becomesReady('{ control }');
    const asked = { schema, document: parse('{ control }'), contextValue: {} };
    await execute(asked);
    expect(ready.cacheable(asked, { data: {} })).toBeDefined();
    expect(ready.cacheable({ ...asked, ...more }, result)).toBeUndefined();
  });

  it('where it is larger than all that may be kept', async () => {
    const world = await newReadyWorld(defineItems, { bytesMax: 2_000 });
    world.source.gives([{ id: 1, name: 'n' }]);
    expect(await world.becomesReady('{ items { id } more: items(n: 2) { id } }')).toBe(false);
  });

  it('where its request has more than 8,192 characters', async () => {
    const { becomesReady } = await newShop();
    expect(await becomesReady(`{ control } ${' '.repeat(8_192 - 12)}`)).toBe(true);
    expect(await becomesReady(`{ control } ${' '.repeat(8_193 - 12)}`)).toBe(false);
  });
});

describe('an answer that was ready is not', () => {
  const text = '{ items { id } control }';

  it('after its tag was invalidated in this process, at once', async () => {
    const { ask, becomesReady, cache: engine, source } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    source.gives([{ id: 3, name: null }]);
    await engine.invalidate(['items']);
    expect(await ask(text)).toEqual({ isReady: false, body: '{"data":{"items":[{"id":3}],"control":"control"}}' });
  });

  it('after a flush', async () => {
    const { ask, becomesReady, cache: engine } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    await engine.flush();
    expect((await ask(text)).isReady).toBe(false);
  });

  it('after one of its values was replaced', async () => {
    const { ask, becomesReady, source } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    source.gives([{ id: 4, name: null }]);
    await ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await ask(text)).toMatchObject({ isReady: false, body: expect.stringContaining('{"id":4}') as string });
  });

  it('after one of its values was replaced, and others have brought the new one to memory', async () => {
    const { ask, becomesReady, source } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    source.gives([{ id: 4, name: null }]);
    await ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await becomesReady('{ new: items { id } }')).toBe(true);
    expect(await ask(text)).toMatchObject({ isReady: false, body: expect.stringContaining('{"id":4}') as string });
  });

  it('after a value in memory has made room for another', async () => {
    const { ask, becomesReady } = await newReadyWorld((builder, world) => {
      defineItems(builder, world);
      builder.queryField('big', (t) =>
        t.string({ args: { n: t.arg.int() }, cache, resolve: () => 'x'.repeat(200_000) }),
      );
    });
    expect(await becomesReady(text)).toBe(true);
    // Each counts once it is in memory, whatever was said of the earlier ones.
    for (let n = 0; n < 8; n += 1) for (let again = 0; again < 3; again += 1) await ask(`{ big(n: ${n}) }`);
    expect((await ask(text)).isReady).toBe(false);
  });

  it('after the earliest of its values has ended', async () => {
    const { ask, becomesReady, cache: engine, clock } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    expect(await becomesReady('{ items { id } brief }')).toBe(true);
    for (let leftMs = 30_000; leftMs > 0; leftMs -= 100) clock.advance(100);
    await advanceUntil(clock, 100, () => engine.memory?.isCoherent === true);
    expect((await ask('{ items { id } brief }')).isReady).toBe(false);
    expect((await ask(text)).isReady).toBe(true);
  });

  it('in memory while it is not proven that all changes are known, but in the store', async () => {
    const { ask, becomesReady, clock, trace } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    clock.advance(501);
    trace.take();
    expect((await ask(text)).isReady).toBe(true);
    expect(trace.events.filter(({ type }) => type === 'hit')).toMatchObject([{ tier: 'redis' }, { tier: 'redis' }]);
  });

  it('inside of a load, which must fetch what it is made of', async () => {
    const { becomesReady, cache: engine, ready } = await newShop();
    expect(await becomesReady(text)).toBe(true);
    const key = engine.key({ field: 'Query.outer' });
    const inside = await engine.fetch(
      key,
      createPolicy('Query.outer', { ttl: '60s' }),
      () => ready.get(text) === undefined,
    );
    expect(inside).toBe(true);
  });
});

it('keeps what was used last, and no more than its bytes', async () => {
  const { ask, becomesReady } = await newReadyWorld(defineItems, { bytesMax: 10_000 });
  expect(await becomesReady('{ items { id } }')).toBe(true);
  for (let n = 0; n < 30; n += 1) await ask(`{ name${n}: items { id } }`);
  expect((await ask('{ name29: items { id } }')).isReady).toBe(true);
  expect((await ask('{ name0: items { id } }')).isReady).toBe(false);
});

describe('without a memory tier', () => {
  const text = '{ items { id } control }';
  const newStoreShop = (options: { namespace?: string } = {}): Promise<ReadyWorld> =>
    newReadyWorld(defineItems, { ...options, memoryBytesMax: 0 });

  it('an answer is ready where the store still has its entries', async () => {
    const { ask, becomesReady, trace } = await newStoreShop();
    expect(await becomesReady(text)).toBe(true);
    trace.take();
    expect(await ask(text)).toMatchObject({ isReady: true, body: expect.stringContaining('"id":1') as string });
    expect(trace.events).toMatchObject([
      { type: 'hit', tier: 'redis' },
      { type: 'hit', tier: 'redis' },
    ]);
  });

  it('an answer is not after another process has invalidated its tag, at once', async () => {
    const { ask, becomesReady, namespace, source } = await newStoreShop();
    const { cache: other } = await newStoreShop({ namespace });
    expect(await becomesReady(text)).toBe(true);
    source.gives([{ id: 3, name: null }]);
    await other.invalidate(['items']);
    expect(await ask(text)).toMatchObject({ isReady: false, body: expect.stringContaining('[{"id":3}]') as string });
  });

  it('an answer is not after another process has replaced a value', async () => {
    const { ask, becomesReady, namespace } = await newStoreShop();
    const other = await newStoreShop({ namespace });
    expect(await becomesReady(text)).toBe(true);
    other.source.gives([{ id: 5, name: null }]);
    await other.ask('{ items @cache(mode: REFRESH) { id } }');
    expect(await ask(text)).toMatchObject({ isReady: false, body: expect.stringContaining('[{"id":5}]') as string });
  });

  it.each<[string, (redis: Redis, key: string) => Promise<unknown>]>([
    ['is gone', (redis, key) => redis.del(key)],
    ['was cut', async (redis, key) => redis.set(key, (await redis.get(key))?.slice(0, -1) ?? '', 'PX', 1_000)],
    ['was given a longer life', (redis, key) => redis.pexpire(key, 90_000)],
    ['is another one’s', (redis, key) => redis.set(key, 'x'.repeat(200), 'PX', 1_000)],
    [
      'was replaced by one as long',
      async (redis, key) =>
        redis.set(
          key,
          (await redis.get(key))?.replace(/^\{"id":"[\w-]{16}/, `{"id":"${'x'.repeat(16)}`) ?? '',
          'PX',
          1_000,
        ),
    ],
  ])('an answer is not where an entry %s', async (_, spoil) => {
    const { ask, becomesReady, cache: engine } = await newStoreShop();
    const redis = await redisClient();
    expect(await becomesReady(text)).toBe(true);
    const [key = ''] = await redis.keys(`${engine.namespace}:*Query:items*`);
    await spoil(redis, key);
    expect((await ask(text)).isReady).toBe(false);
  });
});

const wrapped = 'readyTestGuard';
let guardedField = '';

class GuardPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    ...[resolver, { parentType, name }]: Parameters<BasePlugin<Types>['wrapResolve']>
  ): ReturnType<BasePlugin<Types>['wrapResolve']> {
    if (`${parentType}.${name}` !== guardedField) return resolver;
    return (...asked) => resolver(...asked);
  }
}
SchemaBuilder.registerPlugin(wrapped as never, GuardPlugin as never);

/** Its plugin stands before the cache unless told otherwise, so that it wraps outermost. */
function guarded(field: string, plugins: string[] = [wrapped, CachePlugin]): Builder {
  guardedField = field;
  return new SchemaBuilder<{ Context: Asker }>({ plugins: plugins as never[] });
}

/** The schema with a resolver put around one of a field's, as directives of other tools do it. */
function rewrapped(schema: GraphQLSchema, typeName: string, fieldName: string): GraphQLSchema {
  const type = schema.getType(typeName);
  if (!(type instanceof GraphQLObjectType)) throw new Error(typeName);
  const field = type.getFields()[fieldName];
  if (field === undefined) throw new Error(fieldName);
  const { resolve } = field;
  const wrapper: GraphQLFieldConfig<unknown, unknown>['resolve'] = (...asked) => resolve?.(...asked);
  field.resolve = wrapper;
  return schema;
}
