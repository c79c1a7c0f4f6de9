// `fields: true` on a field: a request reads the properties that the fields below it expose, and no others.
import { defaultFieldResolver, isObjectType, printSchema, type GraphQLField } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { newResponseCacheWorld } from './response-cache-world.ts';
import { age, newWorld, settled } from '../cache/world.ts';
import { newBuilder, newSchema, runOn, type Builder, type SchemaWorld } from './world.ts';

interface Product {
  readonly id: number;
  readonly name: string;
  readonly cents: number;
  readonly maker: { readonly name: string };
  readonly note: string | null;
}

const product: Product = { id: 1, name: 'Kestrel', cents: 7_499, maker: { name: 'Norvik' }, note: null };
const cache = { ttl: '60s', scope: 'public', fields: true, tags: ['products'] } as const;

function define(builder: Builder, load: () => Product | null, options: Partial<FieldCacheOptions> = {}): void {
  const Named = builder
    .interfaceRef<{ name: string }>('Named')
    .implement({ resolveType: () => 'Product', fields: (t) => ({ name: t.exposeString('name') }) });
  const Maker = builder
    .objectRef<Product['maker']>('Maker')
    .implement({ fields: (t) => ({ name: t.exposeString('name') }) });
  const Product = builder.objectRef<Product>('Product').implement({
    interfaces: [Named],
    fields: (t) => ({
      id: t.exposeID('id'),
      price: t.exposeInt('cents'),
      maker: t.expose('maker', { type: Maker }),
      note: t.exposeString('note', { nullable: true }),
      title: t.string({ resolve: ({ id, name }) => `${id} ${name}` }),
      summary: t.exposeString('name', { cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id } }),
    }),
  });
  const resolve = (): Product | null => load();
  builder.queryField('product', (t) =>
    t.field({ type: Product, nullable: true, cache: { ...cache, ...options }, resolve }),
  );
  builder.queryField('named', (t) => t.field({ type: Named, nullable: true, cache, resolve }));
}

interface FieldsWorld extends SchemaWorld {
  /** The names of the properties that were read from the store since the last call. */
  readonly reads: () => unknown[];
}

async function newFields(
  load: () => Product | null = () => product,
  options: Partial<FieldCacheOptions> = {},
): Promise<FieldsWorld> {
  const names: unknown[] = [];
  const world = await newSchema(
    (builder, { store }) => {
      define(builder, load, options);
      const { readProperties } = store;
      // The cache asks its store through a proxy that looks methods up.
      const noting: typeof readProperties = (key, tags, read) => (
        names.push(read),
        readProperties?.(key, tags, read) as never
      );
      Object.assign(store, { readProperties: noting });
    },
    { viewer: ({ viewer }) => viewer },
  );
  return { ...world, reads: () => names.splice(0) };
}

describe('the properties that are read', () => {
  it.each<[string, string, unknown]>([
    ['an exposed field', '{ product { name } }', ['name']],
    ['several, some twice', '{ product { name id n: name } product { price } }', ['name', 'id', 'cents']],
    ['an alias', '{ p: product { cost: price } }', ['cents']],
    ['an object of its own type', '{ product { maker { name } } }', ['maker']],
    ['the name of the type', '{ product { __typename } }', []],
    [
      'fragments',
      '{ product { ...A ... on Product { id } ... { note } } } fragment A on Product { name ...B } fragment B on Product { price }',
      ['name', 'cents', 'id', 'note'],
    ],
    ['a fragment on an interface', '{ product { ... on Named { name } } }', ['name']],
    [
      'what is included',
      '{ product { name @include(if: true) id @skip(if: true) ...A @include(if: false) } } fragment A on Product { title }',
      ['name'],
    ],
    [
      'what variables include',
      'query ($no: Boolean = false) { product { name id @include(if: $no) title @include(if: $no) } }',
      ['name'],
    ],
    ['with @cache', '{ product { name @cache(mode: USE) } }', ['name']],
    ['a field with a resolver', '{ product { name title } }', 'all'],
    ['a field with a resolver in a fragment', '{ product { name ... on Named { ... on Product { title } } } }', 'all'],
    ['a cached field, which needs the id of its parent', '{ product { summary } }', 'all'],
    ['a field of an interface', '{ named { name } }', 'all'],
  ])('of %s', async (_, text, expected) => {
    const { run, reads } = await newFields();
    const missed = await run(text);
    expect(missed.errors).toEqual([]);
    reads();
    const hit = await run(text);
    expect(hit.rows[0]?.state).toBe('hit');
    expect(hit.data).toEqual(missed.data);
    expect(reads()[0]).toEqual(expected);
  });

  it('are those of the same value for another selection, without another load', async () => {
    let loads = 0;
    const { run, reads, cache: engine } = await newFields(() => ({ ...product, cents: (loads += 1) }));
    await run('{ product { name } }');
    expect(await run('{ product { price } }')).toMatchObject({ states: 'hit', data: { product: { price: 1 } } });
    expect(await run('{ product { title } }')).toMatchObject({
      states: 'hit',
      data: { product: { title: '1 Kestrel' } },
    });
    expect(loads).toBe(1);
    expect(reads()).toEqual([['name'], ['cents'], 'all']);
    await engine.invalidate(['products']);
    expect(await run('{ product { price } }')).toMatchObject({ states: 'miss', data: { product: { price: 2 } } });
  });

  it('of null: null', async () => {
    const { run } = await newFields(() => null);
    const text = '{ product { name } }';
    expect([(await run(text)).data, (await run(text)).data]).toEqual([{ product: null }, { product: null }]);
  });

  it('are private to the viewer of a private field', async () => {
    let loads = 0;
    const { run } = await newFields(() => ({ ...product, cents: (loads += 1) }), { scope: 'private' });
    const asked = [1, 2, 1].map((viewer) => () => run('{ product { price } }', {}, { viewer }));
    const prices: unknown[] = [];
    for (const ask of asked) prices.push((await ask()).data);
    expect(prices).toEqual([1, 2, 1].map((price) => ({ product: { price } })));
  });

  it('are all of them if a plugin or the schema has wrapped a resolver, which may read more', async () => {
    const { run, reads, schema } = await newFields();
    const [name, id] = [fieldOf(schema, 'name'), fieldOf(schema, 'id')];
    const [resolveName, resolveId] = [name.resolve ?? defaultFieldResolver, id.resolve ?? defaultFieldResolver];
    name.resolve = (parent, ...rest) => `${String(resolveName(parent, ...rest))} ${(parent as Product).cents}`;
    id.resolve = (parent, ...rest) => resolveId(parent, ...rest);
    await run('{ product { name } }');
    reads();
    expect((await run('{ product { name } }')).data).toEqual({ product: { name: 'Kestrel 7499' } });
    await run('{ product { price } }');
    await run('{ product { id } }');
    expect(reads()).toEqual(['all', ['cents'], 'all']);
  });

  it('are all of them if the resolver of the cached field is wrapped, such as by a plugin before this one', async () => {
    const { run, reads, schema } = await newFields();
    const field = schema.getQueryType()?.getFields()['product'];
    const { resolve } = field ?? {};
    const seen: unknown[] = [];
    const noting: typeof resolve = async (...call) => {
      const value: unknown = await resolve?.(...call);
      seen.push(value);
      return value;
    };
    Object.assign(field ?? {}, { resolve: noting });
    await run('{ product { name } }');
    await run('{ product { name } }');
    expect(reads()).toEqual(['all', 'all']);
    expect(seen).toEqual([product, product]);
  });

  it('are all of them if the type decides by the value whether it has it', async () => {
    const world = await newFields();
    Object.assign(world.schema.getType('Product') ?? {}, { isTypeOf: (value: Product) => value.cents > 0 });
    const text = '{ product { name } }';
    await world.run(text);
    expect((await world.run(text)).data).toEqual({ product: { name: 'Kestrel' } });
    expect(world.reads().at(-1)).toBe('all');
  });
});

function fieldOf(schema: SchemaWorld['schema'], name: string): GraphQLField<unknown, unknown> {
  const type = schema.getType('Product');
  const field = isObjectType(type) ? type.getFields()[name] : undefined;
  if (field === undefined) throw new Error(`Product has no field ${name}`);
  return field;
}

it('a response that was made of some properties is reused until one of them is replaced', async () => {
  const world = await newResponseCacheWorld((builder) => define(builder, () => product));
  const { becomesCached, ask, cache: engine } = world;
  const text = '{ product { price } }';
  expect(await becomesCached(text)).toBe(true);
  expect(await engine.replaceField({ field: 'Query.product' }, 'cents', 1)).toBe(true);
  expect((await ask(text)).body).toContain('{"price":1}');
});

it.each([
  [
    'a list',
    (builder: Builder) => builder.queryField('a', (t) => t.stringList({ cache, resolve: () => [] })),
    'got a list',
  ],
  [
    'a scalar',
    (builder: Builder) => builder.queryField('a', (t) => t.string({ cache, resolve: () => '' })),
    'got a scalar',
  ],
  [
    'a wrong type',
    (builder: Builder) =>
      builder.queryField('a', (t) => t.string({ cache: { ...cache, fields: 'yes' as never }, resolve: () => '' })),
    'Query.a: cache.fields must be true or false, got string',
  ],
])('is rejected when the schema is built for %s', async (_, add, message) => {
  const builder = newBuilder();
  builder.queryType({});
  add(builder);
  expect(() => printSchema(builder.toSchema({ cache: { engine: undefined } }))).toThrow(message);
});

describe('together with other options and modes', () => {
  const text = '{ product { name } }';

  it.each([
    ['BYPASS', 'bypass'],
    ['REFRESH', 'refresh'],
  ])('@cache(mode: %s) loads, and returns what is selected', async (mode, state) => {
    const { run } = await newFields();
    await run(text);
    const { data, rows } = await run(`{ product @cache(mode: ${mode}) { name title } }`);
    expect([data, rows[0]?.state]).toEqual([{ product: { name: 'Kestrel', title: '1 Kestrel' } }, state]);
    expect((await run(text)).data).toEqual({ product: { name: 'Kestrel' } });
  });

  it('`selection`: each selection has a value, of which its properties are read', async () => {
    const { run, reads } = await newFields(() => product, { selection: true });
    for (const selected of [text, '{ product { price title } }', '{ p: product { cost: price } }']) {
      const missed = await run(selected);
      reads();
      const hit = await run(selected);
      expect([hit.data, hit.states]).toEqual([missed.data, 'hit']);
    }
    expect(reads()).toEqual([['cents']]);
  });

  it('`stale`: a stale value is returned by its properties', async () => {
    let cents = 1;
    const world = await newFields(() => ({ ...product, cents }), { stale: '60s' });
    await world.run('{ product { price } }');
    await age(world, 60_001);
    cents = 2;
    expect(await world.run('{ product { price } }')).toMatchObject({
      states: 'stale',
      data: { product: { price: 1 } },
    });
    await settled(world);
    expect(await world.run('{ product { price } }')).toMatchObject({ states: 'hit', data: { product: { price: 2 } } });
  });

  it('a field without a resolver exposes the property with its name', async () => {
    const { run, reads, schema } = await newFields();
    Object.assign(fieldOf(schema, 'name'), { resolve: undefined });
    await run(text);
    reads();
    expect(await run(text)).toMatchObject({ states: 'hit', data: { product: { name: 'Kestrel' } } });
    expect(reads()).toEqual([['name']]);
  });

  it('a method, which GraphQL.js calls, can read the other properties', async () => {
    const withMethod = {
      ...product,
      name(this: Product): string {
        return `no. ${this.id}`;
      },
    };
    const { run, schema } = await newFields(() => withMethod as unknown as Product);
    Object.assign(fieldOf(schema, 'name'), { resolve: undefined });
    expect((await run(text)).data).toEqual({ product: { name: 'no. 1' } });
  });

  it('a union: all properties are read', async () => {
    const reads: unknown[] = [];
    const { run, store } = await newSchema((builder) => {
      const Book = builder
        .objectRef<{ kind: string; title: string }>('Book')
        .implement({ fields: (t) => ({ title: t.exposeString('title') }) });
      const Item = builder.unionType('Item', { types: [Book], resolveType: ({ kind }) => kind });
      builder.queryField('item', (t) =>
        t.field({ type: Item, cache, resolve: () => ({ kind: 'Book', title: 'Emma' }) }),
      );
    });
    const { readProperties } = store;
    const noting: typeof readProperties = (...args) => (reads.push(args[2]), readProperties?.(...args) as never);
    Object.assign(store, { readProperties: noting });
    const selected = '{ item { __typename ... on Book { title } } }';
    const missed = await run(selected);
    expect(await run(selected)).toMatchObject({ states: 'hit', data: missed.data });
    expect(new Set(reads)).toEqual(new Set(['all']));
  });

  it('on a type: it applies to its fields that return one object', async () => {
    const builder = newBuilder();
    builder.queryType({ cache: { ...cache } });
    const Named = builder
      .objectRef<Product>('Product')
      .implement({ fields: (t) => ({ name: t.exposeString('name') }) });
    builder.queryField('product', (t) => t.field({ type: Named, resolve: () => product }));
    builder.queryField('count', (t) => t.int({ resolve: () => 1 }));
    builder.queryField('names', (t) => t.stringList({ resolve: () => ['Kestrel'] }));
    const { cache: engine, store } = await newWorld('memory', { namespace: 'shop' });
    const schema = builder.toSchema({ cache: { engine } });
    const selected = '{ product { name } count names }';
    await runOn(schema, selected);
    expect(await runOn(schema, selected)).toMatchObject({
      states: 'hit hit hit',
      data: { product: { name: 'Kestrel' }, count: 1, names: ['Kestrel'] },
    });
    expect(await engine.replaceField({ field: 'Query.product' }, 'name', 'Osprey')).toBe(true);
    expect(await engine.replaceField({ field: 'Query.count' }, 'name', 'Osprey')).toBe(false);
    expect((await store.usage()).keys).toBe(2); // that of `count` was removed
  });
});
