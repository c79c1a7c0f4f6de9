// `scope: 'private'`, `vary`, and public fields whose resolvers read the viewer.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { noteViewerRead } from '../../src/cache/index.ts';
import type { FieldCacheOptions, PluginOptions } from '../../src/pothos-cache/index.ts';
import { newWorld, times, type Trace } from '../cache/world.ts';
import { newBuilder, newSchema, runOn, type RequestContext, type RunResult, type SchemaWorld } from './world.ts';

const publicCache = { ttl: '60s', scope: 'public' } as const;
const privateCache = { ttl: '60s', scope: 'private' } as const;
const options = { viewer: ({ viewer }: RequestContext) => viewer };
const watchingViewer = { ...options, viewerProperties: ['viewer'] } as const;
const unwatched = { ...options, viewerProperties: [] } as const;
const refused = 'write-refused(viewer-dependent)';

interface ScopeWorld extends SchemaWorld {
  readonly as: (viewer: RequestContext['viewer'], text: string, where?: RequestContext) => Promise<RunResult>;
}

/** Each field that reads the context returns what it has read, and the number of loads so far. */
async function newShop(ofSchema: Omit<PluginOptions<RequestContext>, 'engine'> = options): Promise<ScopeWorld> {
  let loads = 0;
  const seen = ({ viewer, tenant, locale }: RequestContext): string =>
    `${typeof viewer} ${String(viewer)} ${tenant ?? ''} ${locale ?? ''} #${(loads += 1)}`;
  const world = await newSchema((builder) => {
    const Item = builder.objectRef<{ id: number }>('Item').implement({
      fields: (t) => ({
        id: t.exposeInt('id'),
        mine: t.string({
          cache: { ...privateCache, parentId: ({ id }) => id },
          resolve: (_, _args, context) => seen(context),
        }),
        ours: t.string({ cache: { ...publicCache, parentId: ({ id }) => id }, resolve: () => `#${(loads += 1)}` }),
      }),
    });
    builder.queryFields((t) => ({
      me: t.string({ cache: privateCache, resolve: (_, _args, context) => seen(context) }),
      search: t.string({
        args: { q: t.arg.string({ required: true }) },
        cache: privateCache,
        resolve: (_, _args, context) => seen(context),
      }),
      items: t.field({ type: [Item], cache: publicCache, resolve: () => times(2, (id) => ({ id })) }),
      myItems: t.field({ type: [Item], cache: privateCache, resolve: () => times(2, (id) => ({ id })) }),
      greeting: t.string({
        cache: { ...publicCache, vary: ({ locale }) => locale },
        resolve: (_, _args, { locale }) => `${locale} #${(loads += 1)}`,
      }),
      invoice: t.string({
        cache: { ...privateCache, vary: ({ tenant, locale }) => ({ tenant: upper(tenant), locale }) },
        resolve: (_, _args, context) => seen(context),
      }),
      careless: t.string({ cache: publicCache, resolve: (_, _args, context) => seen(context) }),
    }));
    builder.mutationType({ fields: (t) => ({ write: t.field({ type: Item, resolve: () => ({ id: 1 }) }) }) });
  }, ofSchema);
  return { ...world, as: (viewer, text, where = {}) => world.run(text, {}, { viewer: viewer ?? null, ...where }) };
}

describe('a private field', () => {
  const viewers = ['alice', 'bob', '', '0', '1', 'null', 0, 1, -1, 0n, 1n];

  it('is cached for each viewer, whatever its id, and returned to no other', async () => {
    const { as } = await newShop();
    const first = [];
    for (const viewer of viewers) first.push(await as(viewer, '{ me }'));
    expect(first.map(({ states }) => states)).toEqual(viewers.map(() => 'miss'));
    for (const [index, viewer] of viewers.entries()) {
      expect(await as(viewer, '{ me }')).toMatchObject({ states: 'hit', data: first[index]?.data });
      expect(first[index]?.data).toEqual({ me: `${typeof viewer} ${viewer}   #${index + 1}` });
    }
  });

  it('is loaded once for each viewer if requests of several viewers miss concurrently', async () => {
    const { as, trace } = await newShop();
    const requests = [...viewers, ...viewers];
    const ran = await Promise.all(requests.map((viewer) => as(viewer, '{ me }')));
    for (const [index, { data }] of ran.entries()) {
      const viewer = requests[index];
      expect((data as { me: string }).me).toMatch(`${typeof viewer} ${String(viewer)} `);
    }
    expect([trace.count('load'), trace.count('shared')]).toEqual([viewers.length, viewers.length]);
  });

  it('has the value of its own viewer under every alias', async () => {
    const { as } = await newShop();
    const text = '{ a: me b: me ...F } fragment F on Query { me }';
    const { data } = await as('alice', text);
    expect(new Set(Object.values(data as object))).toEqual(new Set(['string alice   #1']));
    expect(Object.values((await as('bob', text)).data as object)).toEqual(times(3, () => 'string bob   #2'));
  });

  it('has one entry for each viewer below a public parent, which all viewers share', async () => {
    const { as } = await newShop();
    const text = '{ items { id mine ours } }';
    await as('alice', text);
    const { data, states } = await as('bob', text);
    expect(states).toBe('hit miss hit miss hit');
    expect(JSON.stringify(data)).not.toContain('alice');
    expect((await as('alice', text)).states).toBe('hit hit hit hit hit');
  });

  it('does not share the public fields below it between viewers', async () => {
    const { as } = await newShop();
    await as('alice', '{ myItems { ours } }');
    expect((await as('bob', '{ myItems { ours } }')).states).toBe('miss miss miss');
  });

  it.each([null, undefined])(
    'bypasses the cache, without an uncached event, for a request whose viewer is %s',
    async (none) => {
      const { as, trace } = await newShop();
      await as('alice', '{ me }');
      trace.take();
      for (const text of ['{ me }', '{ me @cache(mode: REFRESH) }', '{ me @cache(mode: USE) }', '{ invoice }']) {
        const { rows } = await as(none, text);
        expect(rows).toMatchObject([{ state: 'bypass', source: 'database' }]);
        expect(rows[0]).not.toHaveProperty('ttlMs');
      }
      expect(trace.text).toBe('bypass×4');
      expect((await as('alice', '{ me }')).states).toBe('hit');
    },
  );

  it('supports the modes of @cache', async () => {
    const { as } = await newShop();
    const me = async (viewer: string, mode: string): Promise<string> => {
      const { data, states } = await as(viewer, `{ me @cache(mode: ${mode}) }`);
      return `${(data as { me: string }).me.replaceAll(/ +/g, ' ')} ${states}`;
    };
    expect(await me('alice', 'USE')).toBe('string alice #1 miss');
    expect(await me('bob', 'USE')).toBe('string bob #2 miss');
    expect(await me('alice', 'BYPASS')).toBe('string alice #3 bypass');
    expect(await me('alice', 'USE')).toBe('string alice #1 hit');
    expect(await me('alice', 'REFRESH')).toBe('string alice #4 refresh');
    expect(await me('alice', 'USE')).toBe('string alice #4 hit');
    expect(await me('bob', 'USE')).toBe('string bob #2 hit');
  });

  it('bypasses the cache in the payload of a mutation', async () => {
    const { as } = await newShop();
    expect((await as('alice', 'mutation { write { mine ours } }')).states).toBe('bypass bypass');
  });

  it('does not reveal the viewer or the tenant in the report', async () => {
    const { as } = await newShop();
    const { rows } = await as('alice@example.com', '{ me search(q: "x") items { mine } invoice }', { tenant: 'acme' });
    expect(rows).toHaveLength(6);
    expect(JSON.stringify(rows)).not.toMatch(/alice|example|acme/i);
    for (const { key } of rows) expect(key).toMatch(/^shop:[0-9a-f]{6}:\w+:\w+(:[\w-]{22})?$/);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => JSON.parse('{'), 'SyntaxError'],
    ['returns true', () => true, 'CacheError'],
    ['returns an object', () => ({ id: 1 }), 'CacheError'],
    ['returns a promise', () => Promise.resolve('alice'), 'CacheError'],
    ['returns a promise that rejects', () => Promise.reject(new Error('no session')), 'CacheError'],
    ['returns NaN', () => Number('alice'), 'CacheError'],
    ['returns a rounded number', () => Number('9007199254740993'), 'CacheError'],
  ])('is resolved without the cache and emits `uncached` if the option viewer %s', async (_, viewer, name) => {
    const { as, trace } = await newShop({ viewer: viewer as () => string });
    for (const who of ['alice', 'bob']) expect(await as(who, '{ me }')).toMatchObject({ errors: [], rows: [] });
    expect(trace.text).toBe('uncached×2');
    expect(trace.events[0]).toMatchObject({ field: 'Query.me', error: { name } });
  });

  it('shares no entry with the same field in a schema where it is public', async () => {
    const { cache, trace } = await newWorld('memory', { namespace: 'shop' });
    const schemaOf = (scope: 'public' | 'private'): GraphQLSchema => {
      const builder = newBuilder();
      builder.queryType({
        fields: (t) => ({ me: t.string({ cache: { ttl: '60s', scope }, resolve: () => scope }) }),
      });
      return builder.toSchema({ cache: { engine: cache, ...options } });
    };
    for (const scope of ['public', 'private', 'public'] as const) {
      for (const viewer of ['alice', 'bob']) {
        expect((await runOn(schemaOf(scope), '{ me }', {}, { viewer })).data).toEqual({ me: scope });
      }
    }
    expect(trace.count('write')).toBe(3);
  });
});

describe('a field that varies', () => {
  it('has one value for each variation, shared by all viewers, if it is public', async () => {
    const { as } = await newShop();
    await as('alice', '{ greeting }', { locale: 'de' });
    expect(await as('bob', '{ greeting }', { locale: 'de' })).toMatchObject({
      states: 'hit',
      data: { greeting: 'de #1' },
    });
    expect(await as('bob', '{ greeting }', { locale: 'en' })).toMatchObject({ data: { greeting: 'en #2' } });
    expect((await as('bob', '{ greeting }')).states).toBe('miss');
    expect((await as('alice', '{ greeting }')).states).toBe('hit');
  });

  it('has one value for each viewer and variation if it is private', async () => {
    const { as } = await newShop();
    const wheres = [
      { tenant: 'a', locale: 'de' },
      { tenant: 'a', locale: 'en' },
      { tenant: 'b', locale: 'de' },
    ];
    const requests = ['alice', 'bob'].flatMap((viewer) => wheres.map((where) => [viewer, where] as const));
    for (const [viewer, where] of requests) expect((await as(viewer, '{ invoice }', where)).states).toBe('miss');
    for (const [viewer, { tenant, locale }] of requests) {
      const { data, states } = await as(viewer, '{ invoice }', { locale, tenant });
      expect(states).toBe('hit');
      expect((data as { invoice: string }).invoice).toMatch(`string ${viewer} ${tenant} ${locale} #`);
    }
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => JSON.parse('{'), 'SyntaxError'],
    ['returns an instance of a class', () => new URL('http://a'), 'CacheError'],
    ['returns a promise', () => Promise.resolve('de'), 'CacheError'],
    ['returns a promise that rejects', () => Promise.reject(new Error('no locale')), 'CacheError'],
    [
      'returns an object with a promise that rejects',
      () => ({ of: Promise.reject(new Error('no locale')) }),
      'CacheError',
    ],
    ['returns a function', () => () => 'de', 'CacheError'],
  ])('is resolved without the cache and emits `uncached` if vary %s', async (_, vary, name) => {
    const { run, trace } = await newSchema((builder) => {
      const cache: FieldCacheOptions = { ...publicCache, vary: vary as () => string };
      builder.queryField('greeting', (t) => t.string({ cache, resolve: () => 'hello' }));
    });
    for (const text of ['{ greeting }', '{ a: greeting }']) {
      expect(await run(text)).toMatchObject({ data: expect.any(Object) as object, errors: [], rows: [] });
    }
    expect(trace.text).toBe('uncached×2');
    expect(trace.events[0]).toMatchObject({ field: 'Query.greeting', error: { name } });
  });

  it('is typed: options receive the context of the schema, and return plain data, not promises', () => {
    type Vary = NonNullable<FieldCacheOptions<unknown, object, RequestContext>['vary']>;
    expectTypeOf<Vary>().parameter(0).toEqualTypeOf<RequestContext>();
    expectTypeOf<() => { tenant: string; roles: string[] }>().toExtend<Vary>();
    expectTypeOf<() => Promise<string>>().not.toExtend<Vary>();
    type Viewer = NonNullable<PluginOptions<RequestContext>['viewer']>;
    expectTypeOf<Viewer>().parameter(0).toEqualTypeOf<RequestContext>();
    expectTypeOf<() => Promise<string>>().not.toExtend<Viewer>();
    expectTypeOf<readonly ['viewer']>().toExtend<NonNullable<PluginOptions<RequestContext>['viewerProperties']>>();
    expectTypeOf<readonly ['vewer']>().not.toExtend<NonNullable<PluginOptions<RequestContext>['viewerProperties']>>();
  });
});

describe('a public field whose resolver reads a declared viewer property', () => {
  it('is resolved but not stored, and emits `write-refused` with the property', async () => {
    const { as, trace } = await newShop(watchingViewer);
    for (const viewer of ['alice', 'bob', null]) {
      const { data, rows } = await as(viewer, '{ careless }');
      expect((data as { careless: string }).careless).toMatch(`${String(viewer)} `);
      expect(rows).toMatchObject([{ state: 'miss' }]);
      expect(rows[0]).not.toHaveProperty('ttlMs');
    }
    expect(trace.text).toBe(times(3, () => `load ${refused} miss`).join(' '));
    expect(trace.events[1]).toMatchObject({ field: 'Query.careless', what: 'viewer' });
  });

  it('is not shared between concurrent requests', async () => {
    const { as, trace } = await newShop(watchingViewer);
    const viewers = times(20, (index) => `viewer${index}`);
    const ran = await Promise.all(viewers.map((viewer) => as(viewer, '{ careless }')));
    for (const [index, { data }] of ran.entries()) {
      expect((data as { careless: string }).careless).toMatch(`string viewer${index} `);
    }
    expect(trace.count('write')).toBe(0);
  });

  it('is the exception: private fields, and public fields that do not read it, are stored', async () => {
    const { as } = await newShop(watchingViewer);
    const text = '{ me items { mine ours } greeting invoice }';
    await as('alice', text, { locale: 'de', tenant: 'a' });
    expect((await as('alice', text, { locale: 'de', tenant: 'a' })).states).toBe(times(8, () => 'hit').join(' '));
  });

  it.each<[string, () => RequestContext]>([
    ['an own property of the context', () => ({ viewer: 'alice' })],
    ['absent from the context', () => ({})],
    ['a getter of the context', () => ({ get viewer() { return 'alice'; } })], // prettier-ignore
    ['a getter of the class of the context', () => new Session()],
  ])('is not stored if the property is %s', async (_, contextOf) => {
    const { schema, trace } = await newShop(watchingViewer);
    await runOn(schema, '{ careless }', {}, contextOf());
    expect(trace.text).toBe(`load ${refused} miss`);
  });

  it('is resolved but not stored, and emits `write-refused`, if the context is frozen', async () => {
    const { schema, trace } = await newShop(watchingViewer);
    for (const viewer of ['alice', 'bob']) {
      const { data } = await runOn(schema, '{ careless }', {}, Object.freeze({ viewer }));
      expect((data as { careless: string }).careless).toMatch(`string ${viewer} `);
    }
    expect(trace.text).toBe(times(2, () => `load ${refused} miss`).join(' '));
    expect(trace.events[1]).toMatchObject({ what: 'a context that cannot be watched (frozen, sealed or a proxy)' });
  });
});

describe('a context whose properties are watched', () => {
  const watched = async <T extends RequestContext>(context: T): Promise<T> => {
    const { schema } = await newShop(watchingViewer);
    await runOn(schema, '{ items { id } }', {}, context);
    return context;
  };

  it('can be read, copied and modified as before', async () => {
    const context = await watched({ viewer: 'alice', tenant: 'a' });
    expect([context.viewer, Object.keys(context), { ...context }]).toEqual([
      'alice',
      ['viewer', 'tenant'],
      { viewer: 'alice', tenant: 'a' },
    ]);
    context.viewer = 'bob';
    expect(JSON.stringify(context)).toBe('{"viewer":"bob","tenant":"a"}');
  });

  it('keeps its viewer if a context that inherits from it sets another one', async () => {
    const context = await watched({ viewer: 'alice' });
    const inheriting = Object.create(context) as typeof context;
    expect(inheriting.viewer).toBe('alice');
    inheriting.viewer = 'bob';
    expect([context.viewer, inheriting.viewer]).toEqual(['alice', 'bob']);
  });

  it('still calls its original accessors', async () => {
    const session = await watched(new Session());
    expect(session.viewer).toBe('alice');
    session.viewer = 'bob';
    expect([session.viewer, session.sets]).toEqual(['bob', 1]);
  });
});

describe('a public field whose resolver executes another operation', () => {
  /** `outer` returns the JSON of the result of `text`. */
  async function newNested(
    text: string,
    inner: FieldCacheOptions<unknown, object, RequestContext>,
    ofSchema: Omit<PluginOptions<RequestContext>, 'engine'> = options,
  ): Promise<ScopeWorld> {
    const nested: { schema?: GraphQLSchema } = {};
    const world = await newSchema((builder) => {
      builder.queryFields((t) => ({
        inner: t.string({ cache: inner, resolve: (_, _args, { viewer, tenant }) => `${String(viewer)} ${tenant}` }),
        outer: t.string({
          cache: publicCache,
          resolve: async (_, _args, contextValue) => {
            if (nested.schema === undefined) throw new Error('no schema');
            return JSON.stringify(await execute({ schema: nested.schema, document: parse(text), contextValue }));
          },
        }),
      }));
    }, ofSchema);
    nested.schema = world.schema;
    return {
      ...world,
      as: (viewer, document, where = {}) => world.run(document, {}, { viewer: viewer ?? null, ...where }),
    };
  }

  it.each<[string, FieldCacheOptions<unknown, object, RequestContext>]>([
    ['is private', privateCache],
    ['varies', { ...publicCache, vary: ({ viewer, tenant }) => [String(viewer), tenant] }],
    ['cannot be cached', { ...privateCache, vary: () => JSON.parse('{') as string }],
  ])('is not stored if that operation has a field that %s', async (_, inner) => {
    const { as, trace } = await newNested('{ inner }', inner);
    const viewers = [null, 'alice', 'bob', null];
    for (const way of ['in turn', 'at once']) {
      const ask = (viewer: RequestContext['viewer']): Promise<RunResult> =>
        as(viewer, '{ outer }', { tenant: `of ${String(viewer)}` });
      const ran = way === 'at once' ? await Promise.all(viewers.map(ask)) : [];
      if (way === 'in turn') for (const viewer of viewers) ran.push(await ask(viewer));
      for (const [index, { data }] of ran.entries()) {
        expect((data as { outer: string }).outer).toContain(`of ${String(viewers[index])}`);
      }
    }
    expect(storedFields(trace)).not.toContain('Query.outer');
  });

  it('is not stored if that operation has an uncached public field: nothing would invalidate it', async () => {
    const { as, trace } = await newNested('{ inner }', { ...publicCache, tags: () => [''] }, unwatched);
    await as('alice', '{ outer }');
    expect(trace.text).toBe('uncached load write-refused(inner-unstored) miss');
  });

  it('is stored if that operation has only cached public fields', async () => {
    const { as, trace } = await newNested('{ inner }', publicCache, unwatched);
    await as('alice', '{ outer }');
    expect(storedFields(trace)).toEqual(['Query.inner', 'Query.outer']);
  });
});

it('does not store a public value whose resolver calls noteViewerRead', async () => {
  const who = { current: 'alice' };
  const { run, trace } = await newSchema((builder) => {
    const viewer = (): string => (noteViewerRead(), who.current);
    builder.queryField('careless', (t) => t.string({ cache: publicCache, resolve: viewer }));
  });
  expect((await run('{ careless }')).data).toEqual({ careless: 'alice' });
  who.current = 'bob';
  expect((await run('{ careless }')).data).toEqual({ careless: 'bob' });
  expect(trace.count('write')).toBe(0);
});

/** Requests without a viewer have no tenant, and so no variation. */
function upper(tenant: string | undefined): string {
  if (tenant === undefined) throw new Error('no tenant');
  return tenant.toUpperCase();
}

function storedFields({ events }: Trace): string[] {
  return events.flatMap((event) => (event.type === 'write' ? [event.field] : []));
}

/** A context that is an instance of a class, with private state. */
class Session {
  #viewer = 'alice';
  sets = 0;

  get viewer(): string {
    return this.#viewer;
  }

  set viewer(viewer: string) {
    this.sets += 1;
    this.#viewer = viewer;
  }
}
