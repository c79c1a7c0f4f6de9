// Public fields whose resolvers read the viewer, in schemas that do not declare the properties of the context that
// identify it.
import SchemaBuilder from '@pothos/core';
import { execute, parse, type GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import CachePlugin, { type PluginOptions } from '../../src/pothos-cache/index.ts';
import { newWorld, times, tick, type World } from '../cache/world.ts';

const cache = { ttl: '60s', scope: 'public' } as const;
const refused = 'write-refused(viewer-dependent)';

/** Any object: each test uses its own kind of context. */
type Context = Record<string | symbol, never>;
type Options = Omit<PluginOptions<never>, 'engine'>;

interface Shop extends World {
  readonly schema: GraphQLSchema;
  readonly ask: (context: unknown, text?: string) => Promise<unknown>;
}

/** `value` is public and returns what `read` returns for the context; `own` is private. */
async function newShop(read: (context: Context) => unknown, options: Options = {}): Promise<Shop> {
  const world = await newWorld('memory', { namespace: 'shop' });
  const builder = new SchemaBuilder<{ Context: Context }>({ plugins: [CachePlugin] });
  builder.queryType({
    fields: (t) => ({
      value: t.string({
        cache,
        nullable: true,
        resolve: async (_parent, _args, context) => {
          await tick();
          return String(await read(context));
        },
      }),
      plain: t.string({ cache, resolve: () => 'plain' }),
      ...(options.viewer === undefined
        ? {}
        : { own: t.string({ cache: { ...cache, scope: 'private' }, resolve: () => 'own' }) }),
    }),
  });
  const schema = builder.toSchema({ cache: { engine: world.cache, ...options } as unknown as PluginOptions<Context> });
  const ask: Shop['ask'] = async (contextValue, text = '{ value }') => {
    const { data, errors } = await execute({ schema, document: parse(text), contextValue });
    return errors === undefined ? (data as { value?: unknown }).value : errors[0]?.message;
  };
  return { ...world, schema, ask };
}

function storedFields({ trace }: World): string[] {
  return trace.events.flatMap((event) => (event.type === 'write' ? [event.field] : []));
}

class Session {
  #user = 'ALICE';
  readonly who: string;

  constructor(who: string) {
    this.who = who;
    this.#user = who;
  }

  get currentUser(): string {
    return this.#user;
  }

  whoAsks(): string {
    return this.who;
  }

  secretly(): string {
    return this.#user;
  }
}

class Anyone {
  get user(): string {
    throw new Error('this must not be read');
  }
}

const read = (name: string) => (context: Context) => (context as Record<string, unknown>)[name];
const withViewer = (viewer: (context: Context) => unknown): Options => ({ viewer: viewer as never });

describe('a public field whose resolver reads an undeclared viewer', () => {
  it.each(['user', 'currentUser', 'viewer', 'session', 'auth', 'account', 'request', 'req', 'headers'])(
    'is resolved but not stored, and emits `write-refused` with the name, if it reads context.%s',
    async (name) => {
      const { ask, trace } = await newShop(read(name));
      expect([await ask({ [name]: 'ALICE' }), await ask({ [name]: 'BOB' }), await ask({})]).toEqual([
        'ALICE',
        'BOB',
        'undefined',
      ]);
      expect(trace.text).toBe(times(3, () => `load ${refused} miss`).join(' '));
      expect(trace.events[1]).toMatchObject({ field: 'Query.value', what: name });
    },
  );

  it('is not shared between concurrent requests', async () => {
    const shop = await newShop((context) => (context as { user?: string }).user);
    const users = times(10, (index) => `user ${index}`);
    expect(await Promise.all(users.map((user) => shop.ask({ user })))).toEqual(users);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown, (who: string) => object, (context: never) => unknown]>([
    ['a property', ({ who }: { who: string }) => who, (who) => ({ who }), read('who')],
    [
      'a nested property',
      ({ a }: { a: { b: { id: string } } }) => a.b.id,
      (who) => ({ a: { b: { id: who } } }),
      ({ a }: { a: { b: { id: string } } }) => a.b.id,
    ],
    [
      'a property by destructuring',
      ({ token: [, who] }: { token: [0, string] }) => who,
      (who) => ({ token: [0, who] }),
      ({ token }: { token: [0, string] }) => token[1],
    ],
    [
      'a property with a symbol as its name',
      (context: Context) => context[whoKey],
      (who) => ({ [whoKey]: who }),
      (context: Context) => context[whoKey],
    ],
    ['a property that a method reads', (context: Session) => context.whoAsks(), (who) => new Session(who), read('who')],
    [
      'a method',
      (context: Session) => context.whoAsks(),
      (who) => new Session(who),
      (context: Session) => context.whoAsks(),
    ],
    [
      'a method that reads a private field',
      (context: Session) => context.secretly(),
      (who) => new Session(who),
      (context: Session) => context.secretly(),
    ],
    [
      'a property after a method that reads a private field',
      (context: Session) => context.secretly() + context.who,
      (who) => new Session(who),
      read('who'),
    ],
    [
      'a getter that reads a private field',
      (context: Session) => context.currentUser,
      (who) => new Session(who),
      (context: Session) => context.currentUser,
    ],
    [
      'an item of a Map',
      (context: Map<string, string>) => context.get('who'),
      (who) => new Map([['who', who]]),
      (context: Map<string, string>) => context.get('who'),
    ],
    [
      'a property that viewer checks with the operator in',
      (context: object) => ('apiKey' in context ? 'key' : 'none'),
      (who) => ({ apiKey: who }),
      read('apiKey'),
    ],
    [
      'a property before viewer throws',
      ({ who }: { who: string }) => JSON.parse(`{${who}`) as string,
      (who) => ({ who }),
      read('who'),
    ],
    [
      'a property that viewer copies to the context',
      (context: { who: string; kept?: string }) => (context.kept ??= context.who),
      (who) => ({ who }),
      (context: { who: string; kept?: string }) => context.kept ?? context.who,
    ],
  ])('is not stored if it reads what viewer reads: %s', async (_, viewer, contextOf, resolve) => {
    const shop = await newShop(resolve as never, withViewer(viewer as never));
    expect(await shop.ask(contextOf('ALICE'))).toBe('ALICE');
    expect(await shop.ask(contextOf('BOB'))).toBe('BOB');
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown, (who: string) => object]>([
    [
      'the value that it cached on the context',
      (context: { who: string; kept?: string }) => (context.kept ??= context.who),
      (who) => ({ who }),
    ],
    [
      'the value that it cached elsewhere',
      (context: { socket: object; who: string }) => cachedViewerOf(context.socket, () => context.who),
      (who) => ({ socket: {}, who }),
    ],
    ['a key', (context: { key?: string; who: string }) => context.key ?? context.who, (who) => ({ key: 'k', who })],
    [
      'both of two keys',
      (context: { key?: string; token?: string; who: string }) => {
        if (context.key !== undefined) return context.key;
        return context.token === undefined ? context.who : context.token;
      },
      (who) => ({ key: 'k', token: 't', who }),
    ],
  ])('is not stored if it reads what viewer reads only in the absence of %s', async (_, viewer, contextOf) => {
    const shop = await newShop(read('who'), withViewer(viewer as never));
    for (const who of ['ALICE', 'BOB']) {
      const context = contextOf(who);
      await shop.ask(context, '{ own }');
      const before = { ...context };
      expect(await shop.ask(context)).toBe(who);
      expect({ ...context }).toEqual(before);
    }
    expect(storedFields(shop)).not.toContain('Query.value');
  });

  it('is not stored if it reads what viewer has read for an earlier request only', async () => {
    const viewer = ({ key, person }: { key?: string; person?: string }): unknown => (key === undefined ? person : key);
    const viewerByKey = (context: { key?: string; person?: string }): unknown =>
      context.key === undefined ? viewer(context) : viewer({ key: context.key });
    const shop = await newShop(read('person'), withViewer(viewerByKey));
    await shop.ask({ person: 'BOB' });
    for (const person of ['ALICE', 'BOB']) expect(await shop.ask({ key: 'k', person })).toBe(person);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['a property of an instance of a class', () => new (class { user = 'ALICE'; })()], // prettier-ignore
    ['a getter', () => ({ get user() { return 'ALICE'; } })], // prettier-ignore
    ['a getter of a class', () => new (class { get user(): string { return 'ALICE'; } })()], // prettier-ignore
    ['an inherited property', () => Object.create({ user: 'ALICE' })],
    [
      'a property of an object without a prototype',
      () => Object.assign(Object.create(null) as object, { user: 'ALICE' }),
    ],
    ['a property of a proxy', () => new Proxy({ user: 'ALICE' }, {})],
    [
      'a property of a proxy that cannot be watched',
      () => new Proxy({ user: 'ALICE' }, { defineProperty: () => true }),
    ],
    [
      'a property that only a proxy returns',
      () => new Proxy({}, { get: (_, name) => (name === 'user' ? 'ALICE' : undefined) }),
    ],
    [
      'a property whose value a proxy replaces',
      () =>
        new Proxy(
          { user: 'BOB' },
          {
            get: (context, name, receiver): unknown =>
              name === 'user' ? 'ALICE' : Reflect.get(context, name, receiver),
          },
        ),
    ],
    ['a property of a function', () => Object.assign(() => {}, { user: 'ALICE' })],
    ['a property that cannot be configured', () => Object.defineProperty({}, 'user', { value: 'ALICE' })],
    [
      'a property that is not enumerable',
      () => Object.defineProperty({}, 'user', { value: 'ALICE', configurable: true }),
    ],
    ['a property of a frozen context', () => Object.freeze({ user: 'ALICE' })],
    ['a property of a sealed context', () => Object.seal({ user: 'ALICE' })],
    ['a property of a non-extensible context', () => Object.preventExtensions({ user: 'ALICE' })],
  ])('is not stored if the viewer that it reads is %s', async (_, contextOf) => {
    const shop = await newShop(read('user'));
    expect(await shop.ask(contextOf())).toBe('ALICE');
    expect(await shop.ask({ user: 'BOB' })).toBe('BOB');
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown]>([
    ['a copy of the context', (context: object) => ({ ...context })],
    ['the JSON of the context', (context: object) => JSON.parse(JSON.stringify(context)) as { user?: string }],
    ['an assigned copy of the context', (context: object) => Object.assign({}, context)],
    ['an object that inherits from the context', (context: object) => Object.create(context) as { user?: string }],
    ['a structured clone of the context', (context: object) => structuredClone(context)],
  ])('is not stored if it reads the viewer from %s', async (_, copy) => {
    const shop = await newShop((context) => (copy(context as never) as { user?: string }).user);
    for (const user of ['ALICE', 'BOB']) expect(await shop.ask({ user })).toBe(user);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown]>([
    ['by assignment', (context: { user?: string; name: string }) => ((context.user = context.name), context.user)],
    ['by assignment if it is absent', (context: { user?: string; name: string }) => (context.user ??= context.name)],
    [
      'by Object.assign',
      (context: { name: string }) =>
        (Object.assign(context, { user: context.name }) as unknown as { user: string }).user,
    ],
    ['by delete', (context: { user?: string }) => (delete context.user, context.user)],
  ])('is not stored if the load adds or removes the property: %s', async (_, resolve) => {
    const shop = await newShop(resolve as never);
    for (const name of ['ALICE', 'BOB']) await shop.ask({ name });
    expect(storedFields(shop)).toEqual([]);
  });

  it('is not stored if the property is redefined after another load', async () => {
    const shop = await newShop(read('user'));
    const context = { user: 'nobody' };
    await shop.ask(context, '{ plain }');
    Object.defineProperty(context, 'user', { value: 'ALICE', configurable: true, writable: true, enumerable: true });
    expect(await shop.ask(context)).toBe('ALICE');
    expect(storedFields(shop)).toEqual(['Query.plain']);
  });

  it('is not stored if the context itself is the viewer', async () => {
    const shop = await newShop((context) => context);
    for (const who of ['ALICE', 'BOB']) expect(await shop.ask(who)).toBe(who);
    expect(storedFields(shop)).toEqual([]);
  });

  it('is not stored if it reads context.request.headers in Yoga', async () => {
    const { schema, trace } = await newShop((context) =>
      (context as unknown as { request: Request }).request.headers.get('authorization'),
    );
    const yoga = createYoga({ schema, logging: false });
    for (const authorization of ['ALICE', 'BOB']) {
      const headers = { 'content-type': 'application/json', authorization };
      const response = await yoga.fetch('http://localhost/graphql', {
        method: 'POST',
        headers,
        body: '{"query":"{ value }"}',
      });
      expect(await response.json()).toEqual({ data: { value: authorization } });
    }
    expect(trace.count('write')).toBe(0);
  });
});

describe('a declaration of viewerProperties', () => {
  it('replaces the default names', async () => {
    const shop = await newShop(({ user, who }) => `${String(user)} ${String(who)}`, {
      viewerProperties: ['who'] as never,
      viewer: ({ user }: { user: string }) => user,
    });
    await shop.ask({ user: 'ALICE', who: 'A' });
    expect(shop.trace.events[1]).toMatchObject({ type: 'write-refused', what: 'who' });
    const other = await newShop(read('user'), { viewerProperties: ['who'] as never });
    await other.ask({ user: 'ALICE' });
    expect(storedFields(other)).toEqual(['Query.value']);
  });

  it.each<[string, unknown]>([
    ['a context with a user', { user: 'ALICE' }],
    ['a frozen context', Object.freeze({ user: 'ALICE' })],
    ['a string as the context', 'ALICE'],
  ])('allows a value to be stored with any context if it is empty: %s', async (_, context) => {
    const shop = await newShop(() => 'value', { viewerProperties: [] });
    await shop.ask(context);
    expect(storedFields(shop)).toEqual(['Query.value']);
  });
});

describe('a public field whose resolver does not read the viewer', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['an object with a user', { user: 'ALICE', db: { one: () => 1 } }],
    ['an instance of a class', new Session('ALICE')],
    ['a proxy of an object', new Proxy({ user: 'ALICE', db: { one: () => 1 } }, {})],
    ['a proxy of an instance whose getter throws', new Proxy(new Anyone(), {})],
  ])('is stored if the context is %s', async (_, context) => {
    const shop = await newShop((given) => (given as { db?: { one(): number } } | undefined | null)?.db?.one());
    await shop.ask(context);
    expect(storedFields(shop)).toEqual(['Query.value']);
  });

  it('is stored if only vary, viewer and request read the viewer, also within another load', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const builder = new SchemaBuilder<{ Context: { req: { language: string }; user: string } }>({
      plugins: [CachePlugin],
    });
    const vary = ({ req }: { req: { language: string } }): string => req.language;
    builder.queryType({
      fields: (t) => ({
        inner: t.string({ cache: { ...cache, vary }, resolve: () => 'inner' }),
        outer: t.string({
          cache: { ...cache, vary },
          resolve: async (_parent, _args, contextValue) =>
            JSON.stringify(await execute({ schema, document: parse('{ inner }'), contextValue })),
        }),
      }),
    });
    const schema = builder.toSchema({
      cache: { engine: world.cache, viewer: ({ user }) => user, request: ({ req }) => req },
    });
    const contextValue = { req: { language: 'de' }, user: 'ALICE' };
    await execute({ schema, document: parse('{ outer }'), contextValue });
    expect(storedFields(world)).toEqual(['Query.inner', 'Query.outer']);
  });

  it('is a hit for a request whose context is frozen', async () => {
    const { ask, trace } = await newShop(() => 'value');
    await ask({});
    trace.take();
    await ask(Object.freeze({ user: 'ALICE' }));
    expect(trace.text).toBe('hit');
  });
});

describe('a watched context', () => {
  const watched = async <T extends object>(context: T): Promise<T> => {
    await (await newShop(() => 'value')).ask(context);
    return context;
  };

  it('has no additional properties', async () => {
    const context = await watched<{ db: number; user?: string }>({ db: 1 });
    expect(['user' in context, Object.hasOwn(context, 'user'), Reflect.ownKeys(context)]).toEqual([
      false,
      false,
      ['db'],
    ]);
    expect([{ ...context }, JSON.stringify(context), context.user]).toEqual([{ db: 1 }, '{"db":1}', undefined]);
    const names: string[] = [];
    for (const name in context) names.push(name);
    expect(names).toEqual(['db']);
  });

  it('is still an instance of its class, with working methods and private fields', async () => {
    const session = await watched(new Session('ALICE'));
    expect(session).toBeInstanceOf(Session);
    expect([session.currentUser, session.secretly(), session.whoAsks()]).toEqual(['ALICE', 'ALICE', 'ALICE']);
    expect(Object.keys(session)).toEqual(['who']);
  });

  it('accepts new properties', async () => {
    const context = await watched({});
    Object.assign(context, { user: 'ALICE', db: 1 });
    expect({ ...context }).toEqual({ user: 'ALICE', db: 1 });
  });

  it('rejects writes to a read-only property as before', async () => {
    const context = await watched(Object.defineProperty({}, 'user', { value: 'ALICE', configurable: true }));
    expect(() => Object.assign(context, { user: 'BOB' })).toThrow(TypeError);
  });

  it('has a single accessor for a property even if two schemas use it repeatedly', async () => {
    const shops = [await newShop(read('user')), await newShop(read('user'))];
    const context = { user: 'ALICE' };
    const accessors = new Set<unknown>();
    for (let repetition = 0; repetition < 5; repetition += 1) {
      for (const shop of shops) {
        await shop.ask(context);
        accessors.add(Reflect.get(Object.getOwnPropertyDescriptor(context, 'user') ?? {}, 'get'));
      }
    }
    expect(accessors.size).toBe(1);
    expect(context.user).toBe('ALICE');
    expect(shops.map(storedFields)).toEqual([[], []]);
  });
});

const whoKey = Symbol('who');

const cachedViewers = new WeakMap<object, string>();

function cachedViewerOf(place: object, make: () => string): string {
  const cached = cachedViewers.get(place) ?? make();
  cachedViewers.set(place, cached);
  return cached;
}
