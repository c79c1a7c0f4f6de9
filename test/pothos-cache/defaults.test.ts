// Options that a field does not have itself: those of its type, and the defaults of the schema.
import { PothosSchemaError } from '@pothos/core';
import { defaultFieldResolver } from 'graphql';
import { describe, expect, it } from 'vitest';
import type {
  CacheDefaults,
  FieldCacheOptions,
  PluginOptions,
  TypeCacheOptions,
} from '../../src/pothos-cache/index.ts';
import { newWorld, type World } from '../cache/world.ts';
import {
  cacheControlOf,
  digestOf,
  newBuilder,
  runOn,
  type Builder,
  type RequestContext,
  type SchemaWorld,
} from './world.ts';

type Options = Omit<PluginOptions<RequestContext>, 'engine'>;

/** @param define Adds all types. */
async function newSchema(define: (builder: Builder) => void, options: Options = {}): Promise<SchemaWorld> {
  const world: World = await newWorld('memory', { namespace: 'shop' });
  const builder = newBuilder();
  define(builder);
  const schema = builder.toSchema({ cache: { engine: world.cache, ...options } });
  return { ...world, schema, run: (...request) => runOn(schema, ...request) };
}

interface Levels {
  readonly field?: FieldCacheOptions | boolean | undefined;
  readonly type?: TypeCacheOptions<unknown, RequestContext> | undefined;
  readonly schema?: CacheDefaults<RequestContext> | undefined;
}

/** A schema with the field `Query.n`, which returns `value`. */
function newLevels(
  { field, type, schema }: Levels,
  more: Options = {},
  value: number | null = 1,
): Promise<SchemaWorld> {
  const define = (builder: Builder): void => {
    builder.queryType({
      cache: type,
      fields: (t) => ({ n: t.int({ nullable: true, cache: field, resolve: () => value }) }),
    });
  };
  return newSchema(define, schema === undefined ? more : { ...more, defaults: schema });
}

const viewer = (context: RequestContext): RequestContext['viewer'] => context.viewer;

/** An option that is given, but undefined, as without `exactOptionalPropertyTypes`. */
const notGiven = { ttl: undefined } as unknown as FieldCacheOptions;

describe('an option of a field', () => {
  const scope = 'public';

  it.each<[string, Levels, number]>([
    ['is its own', { field: { scope, ttl: '1s' }, type: { ttl: '2s' }, schema: { ttl: '3s' } }, 1_000],
    ['is that of its type', { field: { scope }, type: { ttl: '2s' }, schema: { ttl: '3s' } }, 2_000],
    ['is that of the schema', { field: { scope }, type: {}, schema: { ttl: '3s' } }, 3_000],
    ['is that of its type with cache: true', { field: true, type: { scope, ttl: '2s' } }, 2_000],
    ['is that of the schema with cache: true', { field: true, schema: { scope, ttl: '3s' } }, 3_000],
    ['is that of the schema with cache: {}', { field: {}, schema: { scope, ttl: '3s' } }, 3_000],
    ['is that of its type without cache', { type: { scope, ttl: '2s' }, schema: { ttl: '3s' } }, 2_000],
    ['is that of the schema with cache: true on the type', { type: true, schema: { scope, ttl: '3s' } }, 3_000],
    ['is not undefined', { field: { scope, ...notGiven }, type: { ttl: '2s' } }, 2_000],
    ['is not undefined on its type', { field: { scope }, type: notGiven, schema: { ttl: '3s' } }, 3_000],
    ['may come from three levels', { field: { ttl: '4s' }, type: { scope }, schema: { jitter: 0.5 } }, 2_000],
    ['is overridden with 0', { field: { jitter: 0 }, schema: { scope, ttl: '4s', jitter: 0.5 } }, 4_000],
    ['may be a function', { field: true, type: { ttl: () => '5s' }, schema: { scope, ttl: '3s' } }, 5_000],
    ['replaces a function', { field: { ttl: '1s' }, type: { scope, ttl: () => '5s' } }, 1_000],
  ])('%s', async (_, levels, ttlMs) => {
    const { run } = await newLevels(levels);
    expect((await run('{ n }')).rows).toMatchObject([{ field: 'Query.n', ttlMs }]);
    expect((await run('{ n }')).states).toBe('hit');
  });

  it.each<[string, Levels, number | undefined]>([
    ['is that of the schema', { field: true, schema: { scope, ttl: '1m', nullTtl: '5s' } }, 5_000],
    ['precedes the function of the field', { field: { ttl: () => '1s' }, schema: { scope, nullTtl: '5s' } }, 5_000],
    ['is its own', { field: { nullTtl: '1s' }, type: { scope, ttl: '1m', nullTtl: '5s' } }, 1_000],
    ['is its own null', { field: { nullTtl: null }, type: { scope, ttl: '1m', nullTtl: '5s' } }, undefined],
    ['is turned off with false', { field: { nullTtl: false }, type: { scope, ttl: '1m', nullTtl: '5s' } }, 60_000],
    ['is shortened by jitter', { field: true, schema: { scope, ttl: '1m', nullTtl: '4s', jitter: 0.5 } }, 2_000],
  ])('such as nullTtl %s', async (_, levels, ttlMs) => {
    const { run } = await newLevels(levels, {}, null);
    expect((await run('{ n }')).rows[0]?.ttlMs).toBe(ttlMs);
  });

  it('is turned off with false where there is no value that means none', async () => {
    const { run, clock } = await newLevels({
      field: { stale: false, staleIfError: false, timeout: false, vary: false, http: false, cdn: false },
      schema: { scope, ttl: '1s', stale: '1h', staleIfError: '2h', timeout: '1s', vary: () => ({}), http: '1s' },
    });
    await run('{ n }');
    clock.advance(1_001);
    expect((await run('{ n }')).states).toBe('miss'); // not stale
  });

  it('is turned on with the options of its type: stale', async () => {
    const { run, clock } = await newLevels({ field: { ttl: '1s' }, type: { scope, stale: '1h' } });
    await run('{ n }');
    clock.advance(1_001);
    expect((await run('{ n }')).states).toBe('stale');
  });

  it('such as scope may come from the schema: a private field has a value for each viewer', async () => {
    const { run } = await newLevels({ field: true, schema: { scope: 'private', ttl: '1m' } }, { viewer });
    const requests = ['a', 'b', 'a'].map((id) => () => run('{ n }', {}, { viewer: id }));
    const states: string[] = [];
    for (const request of requests) states.push((await request()).states);
    expect(states).toEqual(['miss', 'miss', 'hit']);
  });

  it('such as vary may come from the schema', async () => {
    const { run } = await newLevels({ field: true, schema: { scope, ttl: '1m', vary: ({ tenant }) => tenant } });
    expect((await run('{ n }', {}, { tenant: 'a' })).states).toBe('miss');
    expect((await run('{ n }', {}, { tenant: 'b' })).states).toBe('miss');
    expect((await run('{ n }', {}, { tenant: 'a' })).states).toBe('hit');
  });
});

describe('a field is not cached', () => {
  it.each<[string, Levels]>([
    [
      'with cache: false',
      { field: false, type: { scope: 'public', ttl: '1m' }, schema: { scope: 'public', ttl: '1m' } },
    ],
    ['because of the schema’s defaults alone', { schema: { scope: 'public', ttl: '1m' } }],
    ['with cache: false on its type', { type: false, schema: { scope: 'public', ttl: '1m' } }],
  ])('%s', async (_, levels) => {
    const { run } = await newLevels(levels);
    expect((await run('{ n }')).rows).toEqual([]);
  });
});

describe('the option cache of a type', () => {
  const define =
    (cache: TypeCacheOptions<{ id: number; name: string }>) =>
    (builder: Builder): void => {
      const Product = builder.objectRef<{ id: number; name: string }>('Product').implement({
        cache,
        fields: (t) => ({
          id: t.exposeInt('id'),
          name: t.string({ resolve: defaultFieldResolver as never }),
          label: t.string({ resolve: ({ name }) => `Product ${name}` }),
          stock: t.int({ cache: { ttl: '2s' }, resolve: () => 3 }),
          price: t.int({ cache: false, resolve: () => 4 }),
        }),
      });
      const products = ['a', 'b'].map((name, index) => ({ id: index + 1, name }));
      builder.queryType({ fields: (t) => ({ products: t.field({ type: [Product], resolve: () => products }) }) });
    };
  const document = '{ products { id name label stock price } }';

  it('caches each of its fields that has a resolver of its own, by parent', async () => {
    const { run } = await newSchema(define({ scope: 'public', ttl: '5m', parentId: ({ id }) => id }));
    const first = await run(document);
    expect(first.data).toEqual({
      products: [
        { id: 1, name: 'a', label: 'Product a', stock: 3, price: 4 },
        { id: 2, name: 'b', label: 'Product b', stock: 3, price: 4 },
      ],
    });
    expect(first.rows.map(({ path, ttlMs }) => [path.join('.'), ttlMs])).toEqual([
      ['products.0.label', 300_000],
      ['products.0.stock', 2_000],
      ['products.1.label', 300_000],
      ['products.1.stock', 2_000],
    ]);
    const again = await run(document);
    expect(again.data).toEqual(first.data);
    expect(again.states).toBe('hit hit hit hit');
  });

  it('has tags of the parent', async () => {
    const tags = ({ id }: { id: number }): string[] => [`products:${id}`];
    const { run, cache } = await newSchema(define({ scope: 'public', ttl: '5m', parentId: ({ id }) => id, tags }));
    await run('{ products { label } }');
    await cache.invalidate(['products:2']);
    expect((await run('{ products { label } }')).states).toBe('hit miss');
  });

  it('without parentId is an error of its first cached field', async () => {
    await expect(newSchema(define({ scope: 'public', ttl: '5m' }))).rejects.toThrow(
      'Product.label: cache.parentId must be a function such as ({ id }) => id on a field of an object',
    );
  });

  it('without engine builds the same schema: nothing is cached, and no default is missed', async () => {
    const builder = newBuilder();
    builder.queryType({ cache: true, fields: (t) => ({ n: t.int({ cache: true, resolve: () => 1 }) }) });
    for (const cache of [false, undefined, { engine: undefined }] as const) {
      expect(await runOn(builder.toSchema({ cache }), '{ n }')).toMatchObject({ data: { n: 1 }, rows: [] });
    }
  });

  it.each(['Mutation', 'Subscription'] as const)('is rejected on %s', async (kind) => {
    const built = newSchema((builder) => {
      builder.queryType({ fields: (t) => ({ n: t.int({ resolve: () => 1 }) }) });
      const options = { cache: { scope: 'public', ttl: '1m' } };
      if (kind === 'Mutation')
        builder.mutationType({ ...options, fields: (t) => ({ n: t.int({ resolve: () => 1 }) }) });
      else builder.subscriptionType({ ...options, fields: () => ({}) });
    });
    await expect(built).rejects.toThrow(PothosSchemaError);
    await expect(built).rejects.toThrow(`${kind}: a field of ${kind} cannot be cached, so this type cannot have cache`);
  });

  it('of an interface applies to its fields on every type that implements it', async () => {
    const { run } = await newSchema((builder) => {
      interface Row {
        id: number;
      }
      const Node = builder.interfaceRef<Row>('Node').implement({
        cache: { scope: 'public', ttl: '2s', jitter: 0.5, parentId: ({ id }) => id },
        resolveType: () => 'Book',
        fields: (t) => ({ title: t.string({ resolve: ({ id }) => `title ${id}` }) }),
      });
      const fields = { interfaces: [Node], isTypeOf: () => true };
      const Book = builder.objectRef<Row>('Book').implement({
        ...fields,
        fields: (t) => ({ pages: t.int({ resolve: () => 1 }) }),
      });
      const Film = builder.objectRef<Row>('Film').implement({
        ...fields,
        cache: { ttl: '8s' },
        fields: (t) => ({ minutes: t.int({ cache: false, resolve: () => 1 }) }),
      });
      const Song = builder.objectRef<Row>('Song').implement({ ...fields, cache: false });
      builder.queryType({
        fields: (t) => ({
          book: t.field({ type: Book, resolve: () => ({ id: 1 }) }),
          film: t.field({ type: Film, resolve: () => ({ id: 1 }) }),
          song: t.field({ type: Song, resolve: () => ({ id: 1 }) }),
        }),
      });
    });
    const { rows } = await run('{ book { title pages } film { title minutes } song { title } }');
    expect(rows.map(({ field, ttlMs }) => [field, ttlMs])).toEqual([
      ['Book.title', 1_000],
      ['Film.title', 4_000],
    ]);
  });
});

it.each<[string, FieldCacheOptions, string]>([
  ['applies to a public field', { scope: 'public' }, 'public, max-age=30, must-revalidate'],
  ['applies for the ttl of a field that has a shorter one', { scope: 'public', ttl: '5s' }, 'public, max-age=5'],
  ['does not apply to a private field', { scope: 'private' }, 'private, no-cache'],
  ['does not apply to a field with vary', { scope: 'public', vary: () => 1 }, 'private, no-cache'],
  ['does not apply to a strict field', { scope: 'public', strict: true }, 'no-cache'],
  ['does not apply to a field with http: false', { scope: 'public', http: false }, 'no-cache'],
])('http from the defaults %s', async (_, field, cacheControl) => {
  const { schema } = await newLevels({ field, schema: { ttl: '1m', http: '30s' } }, { viewer });
  expect(await cacheControlOf(schema, '{ n }', { viewer: 'a' })).toMatch(new RegExp(`^${cacheControl}`));
});

describe('a wrong option names the field and where it comes from', () => {
  it.each<[string, Levels, string]>([
    [
      'a scope of the type',
      { field: true, type: { scope: 'all' as 'public' }, schema: { ttl: '1m' } },
      `Query.n: cache.scope is required and must be 'public' or 'private', got "all" (scope: from type Query)`,
    ],
    [
      'a scope of the schema',
      { field: { ttl: '1m' }, schema: { scope: 'private' } },
      "Query.n: cache.scope 'private' needs viewer, an option of toSchema({ cache }) (scope: from defaults of toSchema({ cache }))",
    ],
    [
      'a ttl of the field with a stale time of the schema',
      { field: { ttl: '1d' }, schema: { scope: 'public', stale: '1h' } },
      'Query.n: cache.ttl and cache.stale must be 1d at most together, got 1d and 1h (stale: from defaults of toSchema({ cache }))',
    ],
    [
      'a stale time of the type with a ttl of the schema',
      { type: { scope: 'public', stale: '1d' }, schema: { ttl: '1m' } },
      'got 1m and 1d (stale: from type Query; ttl: from defaults of toSchema({ cache }))',
    ],
    [
      'a tag of the type',
      { field: true, type: { scope: 'public', ttl: '1m', tags: ['*'] } },
      'got "*" (tags: from type Query)',
    ],
    [
      'a jitter of the schema',
      { field: true, schema: { scope: 'public', ttl: '1m', jitter: 1 } },
      'Query.n: cache.jitter must be a number from 0 to 0.5, got 1 (jitter: from defaults of toSchema({ cache }))',
    ],
    [
      'a refill of the schema',
      { field: true, schema: { scope: 'public', ttl: '1m', refill: true } },
      'Query.n: cache.refill needs refreshContext, an option of toSchema({ cache })',
    ],
    [
      'an http of the schema that is no duration',
      { field: true, schema: { scope: 'public', ttl: '1m', http: '500ms' } },
      `Query.n: cache.http must be whole seconds such as '30s', at most ttl, got "500ms" (ttl: from defaults`,
    ],
    ['an unknown option of the type', { type: { swr: '5m' } as never }, 'Query: unknown option "swr" in cache; it has'],
    ['a type option that is a text', { type: 'public' as never }, 'Query: cache must be an object of options, true or'],
    [
      'an unknown option of the schema',
      { schema: { tags: ['a'] } as never },
      'toSchema({ cache }): unknown option "tags" in defaults; it has scope, ttl, nullTtl,',
    ],
    [
      'defaults that are no object',
      { schema: 'public' as never },
      'toSchema({ cache }): defaults must be an object with',
    ],
    ['no scope at all', { field: { ttl: '1m' }, type: {} }, 'on the field, on its type or in defaults of toSchema'],
  ])('%s', async (_, levels, message) => {
    await expect(newLevels(levels)).rejects.toThrow(PothosSchemaError);
    await expect(newLevels(levels)).rejects.toThrow(message);
  });

  it.each<[string, Levels, RegExp]>([
    [
      'a tag',
      { field: { tags: ['\0 ttl, got stale'] }, schema: { scope: 'public', ttl: '1m', stale: '1m' } },
      /^Query\.n: a tag must be .+ got "\S+ ttl, got stale"$/,
    ],
    [
      'a scope',
      { field: { scope: 'ttl' as 'public' }, schema: { ttl: '1m' } },
      /^Query\.n: cache\.scope is required and must be 'public' or 'private', got "ttl"$/,
    ],
    [
      'a duration',
      { type: { ttl: '1m', scope: 'public', stale: 'no timeout' as '1s' }, schema: { timeout: '1m' } },
      /got "no timeout" \(stale: from type Query\)$/,
    ],
  ])('but not options whose names occur in the value, as in %s', async (_, levels, message) => {
    await expect(newLevels(levels)).rejects.toThrow(message);
  });

  it('such as defaultTtl', async () => {
    const built = newLevels({ field: { scope: 'public' } }, { defaultTtl: '2d' });
    await expect(built).rejects.toThrow('got "2d" (ttl: from defaultTtl of toSchema({ cache }))');
  });
});

it('defaultTtl together with defaults.ttl is an error', async () => {
  const built = newLevels({ schema: { ttl: '1m' } }, { defaultTtl: '1m' });
  await expect(built).rejects.toThrow(
    'toSchema({ cache }): defaultTtl is a short form of defaults.ttl: set one of them',
  );
});

it('keys change with the effective policy, whichever level it comes from', async () => {
  const digests = new Set<string>();
  const levels: Levels[] = [
    { field: { scope: 'public', ttl: '1m' } },
    { field: { scope: 'public' }, schema: { ttl: '2m' } },
    { field: { scope: 'public' }, type: { strict: true }, schema: { ttl: '1m' } },
    { field: { scope: 'public' }, schema: { ttl: '1m', stale: '1m' } },
    { field: { scope: 'public' }, schema: { ttl: '1m', vary: () => 1 } },
  ];
  for (const level of levels) digests.add(await digestOf((await newLevels(level)).schema, '{ n }'));
  expect(digests.size).toBe(levels.length);
  const same = await newLevels({ field: true, type: { scope: 'public' }, schema: { ttl: '1m' } });
  expect(digests).toContain(await digestOf(same.schema, '{ n }'));
});

describe('of several interfaces', () => {
  interface Row {
    readonly id: number;
  }
  const parentId = ({ id }: Row): number => id;
  const own = { interfaces: [] as never[], isTypeOf: () => true };
  let loads = 0;

  /** `define` returns the interfaces of the type `Dog`, which `Query.dog` returns. */
  const newDog = (
    define: (builder: Builder) => { interfaces: never[]; cache?: object; redeclares?: boolean },
    options: Options = {},
  ): Promise<SchemaWorld> =>
    newSchema((builder) => {
      const { interfaces, cache, redeclares = false } = define(builder);
      const Dog = builder.objectRef<Row>('Dog').implement({
        ...own,
        interfaces,
        ...(cache === undefined ? {} : { cache }),
        fields: (t) => (redeclares ? { note: t.string({ resolve: () => `own ${(loads += 1)}` }) } : {}),
      });
      builder.queryType({ fields: (t) => ({ dog: t.field({ type: Dog, resolve: () => ({ id: 1 }) }) }) });
    }, options);
  const newInterface = (builder: Builder, name: string, cache: object | false, more: object = {}): never =>
    builder.interfaceRef<Row>(name).implement({ cache, ...more }) as never;
  const note = {
    fields: (t: never) => ({
      note: (t as { string: (of: object) => unknown }).string({ resolve: () => `${(loads += 1)}` }),
    }),
  };
  const statesOf = async ({ run }: SchemaWorld): Promise<string[]> => {
    const states: string[] = [];
    for (const of of ['Ann', 'Bob', 'Ann']) states.push((await run('{ dog { note } }', {}, { viewer: of })).states);
    return states;
  };
  const isPrivate = ['miss', 'miss', 'hit'];

  it('one that is private keeps the field private, if the type declares the field again', async () => {
    const world = await newDog(
      (builder) => ({
        interfaces: [newInterface(builder, 'Animal', { scope: 'private', parentId }, note)],
        cache: { parentId },
        redeclares: true,
      }),
      { viewer, defaults: { scope: 'public', ttl: '1m' } },
    );
    expect(await statesOf(world)).toEqual(isPrivate);
  });

  it('one that is private keeps the field private, although another one is public', async () => {
    const world = await newDog(
      (builder) => {
        const Base = newInterface(builder, 'Base', { scope: 'public', ttl: '1m', parentId }, note);
        const Middle = newInterface(builder, 'Middle', { scope: 'private' }, { interfaces: [Base] });
        return { interfaces: [Base, Middle] };
      },
      { viewer },
    );
    expect(await statesOf(world)).toEqual(isPrivate);
  });

  it('two that do not implement each other: private wins', async () => {
    const world = await newDog(
      (builder) => ({
        interfaces: [
          newInterface(builder, 'One', { scope: 'public', ttl: '1m', parentId }, note),
          newInterface(builder, 'Two', { scope: 'private', ttl: '1m', parentId }, note),
        ],
      }),
      { viewer },
    );
    expect(await statesOf(world)).toEqual(isPrivate);
  });

  it('one with cache: false turns off what it inherits', async () => {
    const world = await newDog((builder) => {
      const Base = newInterface(builder, 'Base', { scope: 'public', ttl: '1m', parentId }, note);
      return { interfaces: [Base, newInterface(builder, 'Middle', false, { interfaces: [Base] })] };
    });
    expect(await statesOf(world)).toEqual(['', '', '']);
  });

  it('a field that is not cached on the interface is not cached on the type that declares it again', async () => {
    const off = {
      fields: (t: never) => ({
        note: (t as { string: (of: object) => unknown }).string({ cache: false, resolve: () => '' }),
      }),
    };
    const world = await newDog((builder) => ({
      interfaces: [newInterface(builder, 'Animal', { scope: 'public', ttl: '1m', parentId }, off)],
      cache: { scope: 'public', ttl: '1m', parentId },
      redeclares: true,
    }));
    expect(await statesOf(world)).toEqual(['', '', '']);
  });
});

it.each<[string, FieldCacheOptions]>([
  ['stale', { scope: 'public', stale: '1m' }],
  ['http', { http: '30s' }],
  ['staleIfError', { staleIfError: '23h' }],
])('without an engine, a field with %s and the rest from defaults is built', (_, cache) => {
  for (const off of [false, undefined, {}] as const) {
    const builder = newBuilder();
    builder.queryType({ fields: (t) => ({ n: t.int({ cache, resolve: () => 1 }) }) });
    expect(() => builder.toSchema(off === undefined ? {} : { cache: off })).not.toThrow();
  }
});
