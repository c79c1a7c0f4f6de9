// Public fields whose resolvers read the viewer, where the schema does not declare which properties of the context identify it.
import SchemaBuilder from '@pothos/core';
import { execute, parse, type GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import CachePlugin, { type PluginOptions } from '../../src/pothos-cache/index.ts';
import { newWorld, times, turn, type World } from '../cache/world.ts';

const cache = { ttl: '60s', scope: 'public' } as const;
const refused = 'write-refused(viewer-dependent)';

/** Anything: each test has a context of its own kind. */
type Context = Record<string | symbol, never>;
type Options = Omit<PluginOptions<never>, 'engine'>;

interface Shop extends World {
  readonly schema: GraphQLSchema;
  readonly ask: (context: unknown, text?: string) => Promise<unknown>;
}

/** `value` is public and gives what `read` makes of the context; `own` is private. */
async function newShop(read: (context: Context) => unknown, options: Options = {}): Promise<Shop> {
  const world = await newWorld('memory', { namespace: 'shop' });
  const builder = new SchemaBuilder<{ Context: Context }>({ plugins: [CachePlugin] });
  builder.queryType({
    fields: (t) => ({
      value: t.string({
        cache,
        nullable: true,
        resolve: async (_parent, _args, context) => {
          await turn();
          return String(await read(context));
        },
      }),
      plain: t.string({ cache, resolve: () => 'plain' }),
      ...(options.viewer === undefined
        ? {}
        : { own: t.string({ cache: { ...cache, scope: 'private' }, resolve: () => 'own' }) }),
    }),
  });
  const schema = builder.toSchema({ cache: { engine: world.cache, ...options } as PluginOptions<Context> });
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
    'is answered, not stored, and said with the name, where it reads context.%s',
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

  it('is given to no other request that arrives meanwhile', async () => {
    const shop = await newShop((context) => (context as { user?: string }).user);
    const users = times(10, (index) => `user ${index}`);
    expect(await Promise.all(users.map((user) => shop.ask({ user })))).toEqual(users);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown, (who: string) => object, (context: never) => unknown]>([
    ['a property', ({ who }: { who: string }) => who, (who) => ({ who }), read('who')],
    [
      'what is below it',
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
      'a property whose name is a symbol',
      (context: Context) => context[whoKey],
      (who) => ({ [whoKey]: who }),
      (context: Context) => context[whoKey],
    ],
    [
      'a method, which reads a property',
      (context: Session) => context.whoAsks(),
      (who) => new Session(who),
      read('who'),
    ],
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
      'a map',
      (context: Map<string, string>) => context.get('who'),
      (who) => new Map([['who', who]]),
      (context: Map<string, string>) => context.get('who'),
    ],
    [
      'a property that it looks for',
      (context: object) => ('apiKey' in context ? 'key' : 'none'),
      (who) => ({ apiKey: who }),
      read('apiKey'),
    ],
    [
      'a property, and throws',
      ({ who }: { who: string }) => JSON.parse(`{${who}`) as string,
      (who) => ({ who }),
      read('who'),
    ],
    [
      'a property, and keeps it',
      (context: { who: string; kept?: string }) => (context.kept ??= context.who),
      (who) => ({ who }),
      (context: { who: string; kept?: string }) => context.kept ?? context.who,
    ],
  ])('is not stored where it reads what viewer reads: %s', async (_, viewer, contextOf, resolve) => {
    const shop = await newShop(resolve as never, withViewer(viewer as never));
    expect(await shop.ask(contextOf('ALICE'))).toBe('ALICE');
    expect(await shop.ask(contextOf('BOB'))).toBe('BOB');
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown, (who: string) => object]>([
    [
      'it has kept by an earlier call',
      (context: { who: string; kept?: string }) => (context.kept ??= context.who),
      (who) => ({ who }),
    ],
    [
      'it has kept elsewhere by an earlier call',
      (context: { socket: object; who: string }) => keptOf(context.socket, () => context.who),
      (who) => ({ socket: {}, who }),
    ],
    ['is a key', (context: { key?: string; who: string }) => context.key ?? context.who, (who) => ({ key: 'k', who })],
    [
      'is one of two keys',
      (context: { key?: string; token?: string; who: string }) => {
        if (context.key !== undefined) return context.key;
        return context.token === undefined ? context.who : context.token;
      },
      (who) => ({ key: 'k', token: 't', who }),
    ],
  ])('learns what viewer reads of a context only in the absence of what %s', async (_, viewer, contextOf) => {
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

  it('learns from each request, where viewer reads other properties for others', async () => {
    const viewer = ({ key, person }: { key?: string; person?: string }): unknown => (key === undefined ? person : key);
    const lazily = (context: { key?: string; person?: string }): unknown =>
      context.key === undefined ? viewer(context) : viewer({ key: context.key });
    const shop = await newShop(read('person'), withViewer(lazily));
    await shop.ask({ person: 'BOB' });
    for (const person of ['ALICE', 'BOB']) expect(await shop.ask({ key: 'k', person })).toBe(person);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['a property of its class', () => new (class { user = 'ALICE'; })()], // prettier-ignore
    ['a getter', () => ({ get user() { return 'ALICE'; } })], // prettier-ignore
    ['a getter of its class', () => new (class { get user(): string { return 'ALICE'; } })()], // prettier-ignore
    ['a property of what it inherits from', () => Object.create({ user: 'ALICE' })],
    ['a property without a prototype', () => Object.assign(Object.create(null) as object, { user: 'ALICE' })],
    ['a property of a proxy', () => new Proxy({ user: 'ALICE' }, {})],
    [
      'a property of a proxy that cannot be watched',
      () => new Proxy({ user: 'ALICE' }, { defineProperty: () => true }),
    ],
    [
      'a property that a proxy makes up',
      () => new Proxy({}, { get: (_, name) => (name === 'user' ? 'ALICE' : undefined) }),
    ],
    [
      'a property that a proxy gives another value',
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
    ['a hidden property', () => Object.defineProperty({}, 'user', { value: 'ALICE', configurable: true })],
    ['a property of a frozen context', () => Object.freeze({ user: 'ALICE' })],
    ['a property of a sealed context', () => Object.seal({ user: 'ALICE' })],
    ['a property of a context that takes no more', () => Object.preventExtensions({ user: 'ALICE' })],
  ])('is seen where it is %s', async (_, contextOf) => {
    const shop = await newShop(read('user'));
    expect(await shop.ask(contextOf())).toBe('ALICE');
    expect(await shop.ask({ user: 'BOB' })).toBe('BOB');
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown]>([
    ['a copy', (context: object) => ({ ...context })],
    ['JSON', (context: object) => JSON.parse(JSON.stringify(context)) as { user?: string }],
    ['an assigned copy', (context: object) => Object.assign({}, context)],
    ['an object that inherits', (context: object) => Object.create(context) as { user?: string }],
    ['a clone', (context: object) => structuredClone(context)],
  ])('is seen where it reads %s of the context', async (_, copy) => {
    const shop = await newShop((context) => (copy(context as never) as { user?: string }).user);
    for (const user of ['ALICE', 'BOB']) expect(await shop.ask({ user })).toBe(user);
    expect(storedFields(shop)).toEqual([]);
  });

  it.each<[string, (context: never) => unknown]>([
    ['by assignment', (context: { user?: string; name: string }) => ((context.user = context.name), context.user)],
    ['where it is absent', (context: { user?: string; name: string }) => (context.user ??= context.name)],
    [
      'by Object.assign',
      (context: { name: string }) =>
        (Object.assign(context, { user: context.name }) as unknown as { user: string }).user,
    ],
    ['after it was deleted', (context: { user?: string }) => (delete context.user, context.user)],
  ])('is seen where the property comes or goes within the load: %s', async (_, resolve) => {
    const shop = await newShop(resolve as never);
    for (const name of ['ALICE', 'BOB']) await shop.ask({ name });
    expect(storedFields(shop)).toEqual([]);
  });

  it('is seen where the property is defined anew after another load', async () => {
    const shop = await newShop(read('user'));
    const context = { user: 'nobody' };
    await shop.ask(context, '{ plain }');
    Object.defineProperty(context, 'user', { value: 'ALICE', configurable: true, writable: true, enumerable: true });
    expect(await shop.ask(context)).toBe('ALICE');
    expect(storedFields(shop)).toEqual(['Query.plain']);
  });

  it('is seen where the context itself is the viewer', async () => {
    const shop = await newShop((context) => context);
    for (const who of ['ALICE', 'BOB']) expect(await shop.ask(who)).toBe(who);
    expect(storedFields(shop)).toEqual([]);
  });

  it('is seen in Yoga, by context.request.headers', async () => {
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
  it('replaces the default', async () => {
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
    ['a user', { user: 'ALICE' }],
    ['a frozen context', Object.freeze({ user: 'ALICE' })],
    ['a text', 'ALICE'],
  ])('that is empty declares that nothing in the context identifies the viewer: %s', async (_, context) => {
    const shop = await newShop(() => 'value', { viewerProperties: [] });
    await shop.ask(context);
    expect(storedFields(shop)).toEqual(['Query.value']);
  });
});

describe('a public field whose resolver reads nothing of that', () => {
  it.each<[string, unknown]>([
    ['no context', undefined],
    ['null for a context', null],
    ['a context with a user', { user: 'ALICE', db: { one: () => 1 } }],
    ['a context of a class', new Session('ALICE')],
    ['a proxy', new Proxy({ user: 'ALICE', db: { one: () => 1 } }, {})],
    ['a proxy of a class', new Proxy(new Anyone(), {})],
  ])('is stored, with %s', async (_, context) => {
    const shop = await newShop((given) => (given as { db?: { one(): number } } | undefined | null)?.db?.one());
    await shop.ask(context);
    expect(storedFields(shop)).toEqual(['Query.value']);
  });

  it('is stored where vary, viewer and request read the viewer, also within another load', async () => {
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

  it('is found in the cache by a request whose context is frozen', async () => {
    const { ask, trace } = await newShop(() => 'value');
    await ask({});
    trace.take();
    await ask(Object.freeze({ user: 'ALICE' }));
    expect(trace.text).toBe('hit');
  });
});

describe('a context that was watched', () => {
  const watched = async <T extends object>(context: T): Promise<T> => {
    await (await newShop(() => 'value')).ask(context);
    return context;
  };

  it('has no property that it did not have', async () => {
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

  it('is an instance of its class, whose methods and private fields work', async () => {
    const session = await watched(new Session('ALICE'));
    expect(session).toBeInstanceOf(Session);
    expect([session.currentUser, session.secretly(), session.whoAsks()]).toEqual(['ALICE', 'ALICE', 'ALICE']);
    expect(Object.keys(session)).toEqual(['who']);
  });

  it('takes properties that come later', async () => {
    const context = await watched({});
    Object.assign(context, { user: 'ALICE', db: 1 });
    expect({ ...context }).toEqual({ user: 'ALICE', db: 1 });
  });

  it('keeps a property that must not be written', async () => {
    const context = await watched(Object.defineProperty({}, 'user', { value: 'ALICE', configurable: true }));
    expect(() => Object.assign(context, { user: 'BOB' })).toThrow(TypeError);
  });

  it('may be used by two schemas, again and again', async () => {
    const shops = [await newShop(read('user')), await newShop(read('user'))];
    const context = { user: 'ALICE' };
    const accessors = new Set<unknown>();
    for (let turns = 0; turns < 5; turns += 1) {
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

const kept = new WeakMap<object, string>();

function keptOf(place: object, make: () => string): string {
  const found = kept.get(place) ?? make();
  kept.set(place, found);
  return found;
}
