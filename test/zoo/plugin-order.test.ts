// Pothos' plugins, each before and after `cache`: what a plugin checks or adds is not skipped on a hit, or the schema is rejected.
import SchemaBuilder, { type PluginName } from '@pothos/core';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import TracingPlugin, { wrapResolver } from '@pothos/plugin-tracing';
import ValidationPlugin from '@pothos/plugin-validation';
import type { Cache } from 'cachepot/cache';
import CachePlugin from 'cachepot/pothos';
import type { GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ask, engineNames, expectSameAnswers, newEngine } from './engines.ts';

interface Context {
  readonly user?: { readonly id: number; readonly isAdmin?: boolean };
}

interface Types {
  Context: Context;
  AuthScopes: { signedIn: boolean; admin: boolean; reader: boolean };
  Tracing: boolean;
}

type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<Types>>;

/** What the plugins have been asked, such as `traced Query.report`. */
const calls: string[] = [];

function newBuilder(plugins: PluginName[]): Builder {
  calls.length = 0;
  const builder = new SchemaBuilder<Types>({
    plugins,
    scopeAuth: {
      authScopes: ({ user }) => ({
        signedIn: user !== undefined,
        admin: () => user?.isAdmin === true,
        reader: false,
      }),
      unauthorizedError: (_parent, _context, info) => `not allowed: ${info.fieldName}`,
    },
    tracing: {
      default: false,
      wrap: (resolver, _options, { parentType, name }) =>
        wrapResolver(resolver, () => void calls.push(`traced ${parentType}.${name}`)),
    },
    relay: {},
    errors: { defaultTypes: [Error] },
    validation: { validationError: ({ issues }) => issues.map(({ message }) => message).join() },
  });
  builder.queryType({});
  return builder;
}

interface Schemas {
  readonly cached: GraphQLSchema;
  readonly uncached: GraphQLSchema;
}

/** The schema with and without a cache. @param define Adds fields to a builder with these plugins. */
function build(plugins: PluginName[], define: (builder: Builder) => void, engine: Cache): Schemas {
  const schemaWith = (cache: Cache | undefined): GraphQLSchema => {
    const builder = newBuilder(plugins);
    define(builder);
    return builder.toSchema({ cache: { engine: cache, viewer: ({ user }) => user?.id } });
  };
  return { uncached: schemaWith(undefined), cached: schemaWith(engine) };
}

const isRejected = (place: string): string =>
  `${place}: a plugin listed after 'cache' in plugins wraps its resolver, so hits would skip that plugin; list it before 'cache'`;

const bothOrders = (plugin: PluginName): [PluginName, PluginName][] => [
  [plugin, CachePlugin],
  [CachePlugin, plugin],
];

const admin: Context = { user: { id: 1, isAdmin: true } };
const reader: Context = { user: { id: 2 } };

describe.each(engineNames)('scope-auth, on %s', (name) => {
  const report = (builder: Builder): void => {
    builder.queryField('report', (t) =>
      t.string({ authScopes: { admin: true }, cache: { ttl: '60s', scope: 'public' }, resolve: () => 'secret' }),
    );
  };

  it('before cache, it runs on hits: a viewer without the scope receives the error', async () => {
    const schemas = build([ScopeAuthPlugin, CachePlugin], report, await newEngine(name));
    expect(await expectSameAnswers(schemas, ['{ report }'], admin)).toEqual(['hit']);
    expect(await expectSameAnswers(schemas, ['{ report }'], reader)).toEqual(['']);
    expect(await ask(schemas.cached, '{ report }', reader)).toMatchObject({
      data: { report: null },
      errors: ['not allowed: report'],
    });
    expect((await ask(schemas.cached, '{ report }', admin)).states).toBe('hit');
  });

  it('after cache, a cached field with scopes is rejected, its own or those of its type', async () => {
    const engine = await newEngine(name);
    expect(() => build([CachePlugin, ScopeAuthPlugin], report, engine)).toThrow(isRejected('Query.report'));
    const ofType = (builder: Builder): void => {
      const Plan = builder.objectRef<{ id: number }>('Plan').implement({
        authScopes: { admin: true },
        fields: (t) => ({
          cost: t.int({ cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id }, resolve: () => 7 }),
        }),
      });
      builder.queryField('plan', (t) => t.field({ type: Plan, resolve: () => ({ id: 1 }) }));
    };
    expect(() => build([CachePlugin, ScopeAuthPlugin], ofType, engine)).toThrow(isRejected('Plan.cost'));
    const schemas = build([ScopeAuthPlugin, CachePlugin], ofType, engine);
    expect(await expectSameAnswers(schemas, ['{ plan { cost } }'], admin)).toEqual(['hit']);
    expect((await ask(schemas.cached, '{ plan { cost } }', reader)).errors).toEqual(['not allowed: cost']);
  });

  it.each(bothOrders(ScopeAuthPlugin))(
    'the scopes of what a cached field returns are checked on hits, in the order %s, %s',
    async (...plugins) => {
      const define = (builder: Builder): void => {
        const Plan = builder.objectRef<{ cost: number }>('Plan').implement({
          fields: (t) => ({ cost: t.exposeInt('cost', { authScopes: { admin: true } }), open: t.exposeInt('cost') }),
        });
        const Secret = builder.objectRef<{ cost: number }>('Secret').implement({
          authScopes: { admin: true },
          runScopesOnType: true,
          fields: (t) => ({ cost: t.exposeInt('cost') }),
        });
        const Granted = builder.objectRef<{ cost: number }>('Granted').implement({
          grantScopes: ({ cost }) => (cost > 1 ? ['reader'] : []),
          fields: (t) => ({ cost: t.exposeInt('cost', { authScopes: { $granted: 'reader' } }) }),
        });
        const cache = { ttl: '60s', scope: 'public' } as const;
        builder.queryField('plan', (t) => t.field({ type: Plan, cache, resolve: () => ({ cost: 7 }) }));
        builder.queryField('secret', (t) => t.field({ type: Secret, cache, resolve: () => ({ cost: 7 }) }));
        builder.queryField('granted', (t) =>
          t.field({
            type: [Granted],
            cache,
            nullable: { list: true, items: true },
            resolve: () => [{ cost: 1 }, { cost: 2 }],
          }),
        );
      };
      const schemas = build(plugins, define, await newEngine(name));
      const documents = ['{ plan { open cost } }', '{ secret { cost } }', '{ granted { cost } }'];
      expect(await expectSameAnswers(schemas, documents, admin)).toEqual(['hit', 'hit', 'hit']);
      expect(await expectSameAnswers(schemas, documents, reader)).toEqual(['hit', 'hit', 'hit']);
      const errors = await Promise.all(documents.map(async (text) => (await ask(schemas.cached, text, reader)).errors));
      expect(errors.map((ofOne) => ofOne.length)).toEqual([1, 1, 1]);
    },
  );
});

describe('validation with zod', () => {
  it.each(bothOrders(ValidationPlugin))('checks the arguments of hits, in the order %s, %s', async (...plugins) => {
    let longest = 10;
    const define = (builder: Builder): void => {
      builder.queryField('search', (t) =>
        t.string({
          args: {
            q: t.arg.string({
              required: true,
              validate: z
                .string()
                .trim()
                .refine((q) => q.length <= longest, 'too long'),
            }),
          },
          cache: { ttl: '60s', scope: 'public' },
          resolve: (_parent, { q }) => `found ${q}`,
        }),
      );
    };
    const schemas = build(plugins, define, await newEngine('memory store'));
    const documents = ['{ search(q: "rose") }', '{ search(q: "  rose  ") }', '{ search(q: "much too long a text") }'];
    // Texts that are equal after `trim` share a value: the key contains what the resolver receives.
    expect(await expectSameAnswers(schemas, documents)).toEqual(['hit', 'hit', '']);
    expect((await ask(schemas.cached, '{ search(q: "rose ") }')).states).toBe('hit');
    longest = 3;
    expect(await ask(schemas.cached, '{ search(q: "rose") }')).toMatchObject({ errors: ['too long'], states: '' });
  });

  it('of the zod plugin runs on hits before cache, and is rejected after it', async () => {
    // Its types contradict those of the validation plugin.
    const { default: zodPlugin } = (await import(['@pothos/plugin-zod'].join())) as { default: PluginName };
    let longest = 10;
    const define = (builder: Builder): void => {
      const validate = { refine: [(q: string) => q.length <= longest, { message: 'too long' }] };
      builder.queryField('search', (t) =>
        t.string({
          args: { q: t.arg.string({ required: true, validate: validate as never }) },
          cache: { ttl: '60s', scope: 'public' },
          resolve: (_parent, { q }) => `found ${q}`,
        }),
      );
    };
    const engine = await newEngine('memory store');
    expect(() => build([CachePlugin, zodPlugin], define, engine)).toThrow(isRejected('Query.search'));
    const schemas = build([zodPlugin, CachePlugin], define, engine);
    expect(await expectSameAnswers(schemas, ['{ search(q: "rose") }'])).toEqual(['hit']);
    longest = 3;
    expect((await ask(schemas.cached, '{ search(q: "rose") }')).errors).not.toEqual([]);
  });
});

describe('tracing', () => {
  const define = (builder: Builder): void => {
    builder.queryField('stats', (t) =>
      t.int({ tracing: true, cache: { ttl: '60s', scope: 'public' }, resolve: () => 7 }),
    );
  };

  it('before cache, it also traces hits', async () => {
    const schemas = build([TracingPlugin, CachePlugin], define, await newEngine('memory store'));
    expect(await expectSameAnswers(schemas, ['{ stats }'])).toEqual(['hit']);
    expect(calls).toEqual(Array(4).fill('traced Query.stats'));
  });

  it('after cache, a cached field that it traces is rejected; others are not', async () => {
    const engine = await newEngine('memory store');
    expect(() => build([CachePlugin, TracingPlugin], define, engine)).toThrow(isRejected('Query.stats'));
    const untraced = (builder: Builder): void => {
      builder.queryField('stats', (t) => t.int({ cache: { ttl: '60s', scope: 'public' }, resolve: () => 7 }));
    };
    const schemas = build([CachePlugin, TracingPlugin], untraced, engine);
    expect(await expectSameAnswers(schemas, ['{ stats }'])).toEqual(['hit']);
  });
});

describe('errors', () => {
  let isFailing = false;
  const define = (builder: Builder): void => {
    const Failure = builder.interfaceRef<Error>('Failure').implement({
      fields: (t) => ({ message: t.exposeString('message') }),
    });
    builder.objectType(Error, { name: 'BaseError', interfaces: [Failure] });
    builder.queryField('stock', (t) =>
      t.int({
        errors: {},
        cache: { ttl: '60s', scope: 'public' },
        args: { id: t.arg.int({ required: true }) },
        resolve: (_parent, { id }) => {
          if (isFailing || id < 0) throw new Error(`no stock ${id}`);
          return id;
        },
      }),
    );
  };
  const text = (id: number): string =>
    `{ stock(id: ${id}) { __typename ... on BaseError { message } ... on QueryStockSuccess { data } } }`;

  it('before cache, errors are answered as types, and never stored', async () => {
    isFailing = false;
    const schemas = build([ErrorsPlugin, CachePlugin], define, await newEngine('memory store'));
    expect(await expectSameAnswers(schemas, [text(1), text(-1)])).toEqual(['hit', '']);
    isFailing = true;
    expect((await ask(schemas.cached, text(1))).data).toEqual({ stock: { __typename: 'QueryStockSuccess', data: 1 } });
    expect((await ask(schemas.cached, text(2))).data).toMatchObject({ stock: { message: 'no stock 2' } });
    isFailing = false;
    expect((await ask(schemas.cached, text(2))).data).toMatchObject({ stock: { data: 2 } });
  });

  it('after cache, a cached field with errors is rejected', async () => {
    const engine = await newEngine('memory store');
    expect(() => build([CachePlugin, ErrorsPlugin], define, engine)).toThrow(isRejected('Query.stock'));
  });
});

describe('dataloader', () => {
  let names: readonly string[] = [];
  const define = (builder: Builder): void => {
    const User = builder.loadableObject('User', {
      load: async (ids: number[]) => ids.map((id) => ({ id, name: names[id] ?? '' })),
      fields: (t) => ({ id: t.exposeInt('id'), name: t.exposeString('name') }),
    });
    builder.queryField('winners', (t) =>
      t.field({ type: [User], cache: { ttl: '60s', scope: 'public' }, resolve: () => [2, 1] }),
    );
    builder.queryField('count', (t) => t.int({ cache: { ttl: '60s', scope: 'public' }, resolve: () => 2 }));
  };

  it('before cache, ids are cached, and the objects are loaded for each request', async () => {
    names = ['', 'Ann', 'Bob'];
    const schemas = build([DataloaderPlugin, CachePlugin], define, await newEngine('memory store'));
    expect(await expectSameAnswers(schemas, ['{ winners { id name } count }'])).toEqual(['hit hit']);
    names = ['', 'Anna', 'Bob'];
    const { data, states } = await ask(schemas.cached, '{ winners { name } }');
    expect([data, states]).toEqual([{ winners: [{ name: 'Bob' }, { name: 'Anna' }] }, 'hit']);
  });

  it('after cache, a cached field of a loadable type is rejected', async () => {
    const engine = await newEngine('memory store');
    expect(() => build([CachePlugin, DataloaderPlugin], define, engine)).toThrow(isRejected('Query.winners'));
  });
});

describe('relay', () => {
  it.each(bothOrders(RelayPlugin))(
    'caches connections and fields with global ids, in the order %s, %s',
    async (...plugins) => {
      const define = (builder: Builder): void => {
        const User = builder.objectRef<{ id: number }>('User').implement({
          fields: (t) => ({ id: t.globalID({ resolve: ({ id }) => ({ id, type: 'User' }) }) }),
        });
        builder.queryField('users', (t) =>
          t.connection({
            type: User,
            cache: { ttl: '60s', scope: 'public' },
            resolve: () => ({
              edges: [1, 2].map((id) => ({ cursor: String(id), node: { id } })),
              pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: '1', endCursor: '2' },
            }),
          }),
        );
        builder.queryField('idOf', (t) =>
          t.string({
            args: { id: t.arg.globalID({ required: true }) },
            cache: { ttl: '60s', scope: 'public' },
            resolve: (_parent, { id }) => `${id.typename} ${id.id}`,
          }),
        );
      };
      const schemas = build(plugins, define, await newEngine('memory store'));
      const id = Buffer.from('User:1').toString('base64');
      const documents = [
        '{ users(first: 2) { edges { cursor node { id } } pageInfo { endCursor } } }',
        `{ idOf(id: "${id}") }`,
        '{ idOf(id: "no id") }',
      ];
      expect(await expectSameAnswers(schemas, documents)).toEqual(['hit', 'hit', '']);
    },
  );
});
