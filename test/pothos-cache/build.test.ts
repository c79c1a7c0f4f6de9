// Options that are rejected when the schema is built, and fields that the plugin leaves unchanged.
import { PothosSchemaError } from '@pothos/core';
import { GraphQLObjectType, printSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { newWorld } from '../cache/world.ts';
import { newBuilder, newSchema, runOn, type Builder } from './world.ts';

describe('building a schema', () => {
  it.each<[string, unknown, string]>([
    [
      'a missing scope',
      { ttl: '60s' },
      "Query.stats: cache.scope is required and must be 'public' or 'private', got undefined: on the field, on its type or in defaults of toSchema({ cache })",
    ],
    [
      'an object without options',
      {},
      "Query.stats: cache.scope is required and must be 'public' or 'private', got undefined",
    ],
    [
      'an unknown scope',
      { ttl: '60s', scope: 'Private' },
      `Query.stats: cache.scope is required and must be 'public' or 'private', got "Private"`,
    ],
    [
      'a private scope without the option viewer',
      { ttl: '60s', scope: 'private' },
      "Query.stats: cache.scope 'private' needs viewer, an option of toSchema({ cache })",
    ],
    [
      'a vary that is not a function',
      { ttl: '60s', scope: 'public', vary: 'de' },
      'Query.stats: cache.vary must be a function of the context, got string',
    ],
    [
      'a missing ttl without a defaultTtl',
      { scope: 'public' },
      'Query.stats: cache.ttl must be set: on the field, on its type or in defaults of toSchema({ cache })',
    ],
    [
      'an unknown option',
      { ttl: '60s', scope: 'public', swr: '5m' },
      'Query.stats: unknown option "swr" in cache; it has scope, ttl, nullTtl, jitter, stale, early, staleIfError, softTimeout, timeout, shadow, strict, refill, vary, http, cdn, tags, parentId, selection, fields',
    ],
    ...[null, 1, 'public', ['public']].map((cache): [string, unknown, string] => [
      `${JSON.stringify(cache)} in place of the options`,
      cache,
      `Query.stats: cache must be an object of options, true or false, got ${JSON.stringify(cache)}`,
    ]),
    [
      'a parentId that is not a function',
      { ttl: '60s', scope: 'public', parentId: 'id' },
      'Query.stats: cache.parentId must be a function such as ({ id }) => id',
    ],
    [
      'a selection that is not a boolean',
      { ttl: '60s', scope: 'public', selection: 'all' },
      'Query.stats: cache.selection must be true or false, got string',
    ],
    [
      'a ttl without a unit',
      { ttl: '60', scope: 'public' },
      'Query.stats: cache.ttl must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, got "60"',
    ],
    [
      'a ttl that is too long',
      { ttl: '2d', scope: 'public' },
      'Query.stats: cache.ttl must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, got "2d"',
    ],
    ...['500ms', '1500ms', '0s', '61s', '30', 30].map((http): [string, object, string] => [
      `an http of ${JSON.stringify(http)}`,
      { ttl: '60s', scope: 'public', http },
      `Query.stats: cache.http must be whole seconds such as '30s', at most ttl, got ${JSON.stringify(http)}`,
    ]),
    [
      'a stale time that is no duration',
      { scope: 'public', ttl: '60s', stale: 300 },
      'Query.stats: cache.stale must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, got 300',
    ],
    [
      'a life of more than a day',
      { scope: 'public', ttl: '1s', stale: '1d' },
      'Query.stats: cache.ttl and cache.stale must be 1d at most together, got 1s and 1d',
    ],
    [
      'a life of more than a day after failures',
      { scope: 'public', ttl: '12h', staleIfError: '13h' },
      'Query.stats: cache.ttl and cache.staleIfError must be 1d at most together, got 12h and 13h',
    ],
    [
      'a timeout that is no duration',
      { scope: 'public', ttl: '60s', timeout: '10' },
      'Query.stats: cache.timeout must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, got "10"',
    ],
    [
      'an early refresh that is a text',
      { scope: 'public', ttl: '60s', early: 'yes' },
      'Query.stats: cache.early must be true or false, got string',
    ],
    [
      'a refill without refreshContext',
      { scope: 'public', ttl: '60s', refill: true },
      'Query.stats: cache.refill needs refreshContext, an option of toSchema({ cache }): what the context of an earlier request',
    ],
    [
      'a refill that is a text',
      { scope: 'public', ttl: '60s', refill: 'yes' },
      'Query.stats: cache.refill must be true or false, got string',
    ],
    ...[{ vary: () => 1 }, { strict: true }].map((more): [string, object, string] => [
      `an http together with ${Object.keys(more).join()}`,
      { ttl: '60s', scope: 'public', http: '30s', ...more },
      "Query.stats: cache.http is for fields with scope 'public', without vary and strict",
    ]),
    [
      'tags that are not a list',
      { ttl: '60s', scope: 'public', tags: 'books' },
      'Query.stats: cache.tags must be a list, got',
    ],
    [
      'an invalid tag',
      { ttl: '60s', scope: 'public', tags: ['*'] },
      'Query.stats: a tag must be a text of 1 to 200 characters without NUL in front, other than "*" and "<table>:!", got "*"',
    ],
  ])('throws for %s, naming the field, the rule and the value', async (_, cache, message) => {
    const built = newSchema((builder) => {
      builder.queryField('stats', (t) => t.string({ cache: cache as FieldCacheOptions, resolve: () => 'x' }));
    });
    await expect(built).rejects.toThrow(PothosSchemaError);
    await expect(built).rejects.toThrow(message);
  });

  it('throws for a private field with http', async () => {
    const cache: FieldCacheOptions = { ttl: '60s', scope: 'private', http: '30s' };
    const define = (builder: Builder): void => {
      builder.queryField('mine', (t) => t.string({ cache, resolve: () => 'x' }));
    };
    const built = newSchema(define, { viewer: ({ viewer }) => viewer });
    await expect(built).rejects.toThrow("Query.mine: cache.http is for fields with scope 'public'");
  });

  it('throws for an invalid defaultTtl, naming a field that uses it', async () => {
    const built = newSchema(
      (builder) => {
        builder.queryField('stats', (t) => t.string({ cache: { scope: 'public' }, resolve: () => 'x' }));
      },
      { defaultTtl: '0s' },
    );
    await expect(built).rejects.toThrow('Query.stats: cache.ttl must be');
  });

  it.each(['Mutation', 'Subscription'] as const)('throws for a cached field of %s', async (kind) => {
    const cache: FieldCacheOptions = { ttl: '60s', scope: 'public' };
    const built = newSchema((builder) => {
      builder.queryField('a', (t) => t.string({ resolve: () => 'x' }));
      if (kind === 'Mutation') {
        builder.mutationType({ fields: (t) => ({ write: t.string({ cache, resolve: () => 'x' }) }) });
      } else {
        const subscribe = async function* (): AsyncGenerator<string> {
          yield 'x';
        };
        builder.subscriptionType({ fields: (t) => ({ write: t.string({ cache, subscribe, resolve: () => 'x' }) }) });
      }
    });
    await expect(built).rejects.toThrow(`${kind}.write: a field of ${kind} cannot be cached`);
  });

  it.each(['object', 'interface'])(
    'throws for a cached field of an %s without parentId, and states what parentId promises',
    async (kind) => {
      const cache: FieldCacheOptions = { ttl: '60s', scope: 'public' };
      const built = newSchema((builder) => {
        const Product =
          kind === 'object'
            ? builder.objectRef<{ id: number }>('Product').implement({
                fields: (t) => ({ myVote: t.int({ cache, resolve: () => 1 }) }),
              })
            : builder.interfaceRef<{ id: number }>('Product').implement({
                fields: (t) => ({ myVote: t.int({ cache, resolve: () => 1 }) }),
              });
        builder.queryField('products', (t) => t.field({ type: [Product], resolve: () => [{ id: 1 }] }));
      });
      await expect(built).rejects.toThrow(PothosSchemaError);
      await expect(built).rejects.toThrow(
        'Product.myVote: cache.parentId must be a function such as ({ id }) => id on a field of an object.' +
          ' It promises that the value follows from this id and the arguments alone, got none',
      );
    },
  );

  it.each<[string, object, string]>([
    [
      'an unknown option',
      { ttl: '60s' },
      'unknown option "ttl"; it has engine, defaultTtl, defaults, version, viewer, viewerProperties, request, signal, refreshContext, directive',
    ],
    ['an unknown option named like an inherited method', { toString: () => '' }, 'unknown option "toString"'],
    ['an engine that is not a cache', { engine: {} }, 'engine must be what createCache returns, got an object'],
    ['an engine that is null', { engine: null }, 'engine must be what createCache returns, got null'],
    ['a defaultTtl that is a number', { defaultTtl: 60_000 }, "defaultTtl must be a duration such as '60s', got 60000"],
    ['a version that is a number', { version: 2 }, 'version must be a text, got 2'],
    ['a viewer that is a string', { viewer: 'user' }, 'viewer must be a function of the context, got "user"'],
    [
      'a string as viewerProperties',
      { viewerProperties: 'user' },
      'viewerProperties must be a list of property names, got "user"',
    ],
    [
      'a number in viewerProperties',
      { viewerProperties: [1] },
      'viewerProperties must be a list of property names, got a list',
    ],
    ['a request that is not a function', { request: true }, 'request must be a function of the context, got true'],
    [
      'a refreshContext that is not a function',
      { refreshContext: {} },
      'refreshContext must be a function of the context, got ',
    ],
    ['a signal that is not a function', { signal: true }, 'signal must be a function of the context, got true'],
    ['a directive that is a string', { directive: 'no' }, 'directive must be true or false, got "no"'],
  ])('throws for %s in toSchema, naming the option, the rule and the value', async (_, more, message) => {
    const { cache } = await newWorld();
    const builder = newBuilder();
    builder.queryType({ fields: (t) => ({ a: t.string({ resolve: () => 'x' }) }) });
    const build = (): unknown => builder.toSchema({ cache: { engine: cache, ...more } });
    expect(build).toThrow(PothosSchemaError);
    expect(build).toThrow(`toSchema({ cache }): `);
    expect(build).toThrow(message);
  });

  it.each([null, true, 'on', []])('throws for %j in place of the options of toSchema', async (options) => {
    const builder = newBuilder();
    builder.queryType({ fields: (t) => ({ a: t.string({ resolve: () => 'x' }) }) });
    const build = (): unknown => builder.toSchema({ cache: options as never });
    expect(build).toThrow('toSchema({ cache }): the options must be an object with engine, ');
  });

  it('throws for an option of a field that is not at the root, naming the field', async () => {
    const built = newSchema((builder) => {
      const Product = builder.objectRef<{ id: number }>('Product').implement({
        fields: (t) => ({ stock: t.int({ cache: { ttl: '60' } as never, resolve: () => 1 }) }),
      });
      builder.queryField('product', (t) => t.field({ type: Product, resolve: () => ({ id: 1 }) }));
    });
    await expect(built).rejects.toThrow('Product.stock: cache.scope is required');
  });
});

describe('a field that is not cached', () => {
  it('keeps the resolver that it was defined with', async () => {
    const resolve = (): string => 'x';
    const { schema, run } = await newSchema((builder) => {
      builder.queryField('plain', (t) => t.string({ resolve }));
      builder.queryField('cached', (t) => t.string({ cache: { ttl: '60s', scope: 'public' }, resolve }));
    });
    const fields = schema.getQueryType()?.getFields();
    expect(fields?.['plain']?.resolve).toBe(resolve);
    expect(fields?.['plain']?.extensions['pothosResolveWrapped']).toBe(false);
    expect(fields?.['cached']?.resolve).not.toBe(resolve);
    const { rows, data } = await run('{ plain cached }');
    expect(data).toEqual({ plain: 'x', cached: 'x' });
    expect(rows.map(({ field }) => field)).toEqual(['Query.cached']);
  });

  it.each<[string, Parameters<Builder['toSchema']>[0]]>([
    ['no options', undefined],
    ['an empty object', {}],
    ['cache: undefined', { cache: undefined }],
    ['cache: false', { cache: false }],
    ['cache: {}', { cache: {} }],
    ['an engine that is undefined', { cache: { engine: undefined, defaultTtl: '1m', viewer: ({ viewer }) => viewer } }],
  ])('keeps its resolver, despite its option cache, if toSchema receives %s', async (_, options) => {
    const resolve = (): string => 'x';
    const builder = newBuilder();
    builder.queryType({
      fields: (t) => ({
        cached: t.string({ cache: { ttl: '60s', scope: 'private' }, resolve }),
        cachedByDefault: t.string({ cache: { scope: 'public' }, resolve }),
      }),
    });
    const schema = builder.toSchema(options);
    expect(schema.getQueryType()?.getFields()['cached']?.resolve).toBe(resolve);
    expect(await runOn(schema, '{ cached cachedByDefault }')).toMatchObject({
      data: { cached: 'x', cachedByDefault: 'x' },
      errors: [],
      rows: [],
    });
  });

  it.each([false, undefined] as const)(
    'keeps its resolver with cache: %s, which fields of objects and mutations accept too',
    async (cache) => {
      const resolve = (): string => 'x';
      const { schema } = await newSchema((builder) => {
        const Item = builder
          .objectRef<object>('Item')
          .implement({ fields: (t) => ({ name: t.string({ cache, resolve }) }) });
        builder.queryFields((t) => ({
          plain: t.string({ cache, resolve }),
          item: t.field({ type: Item, resolve: () => ({}) }),
        }));
        builder.mutationType({ fields: (t) => ({ write: t.string({ cache, resolve }) }) });
      });
      expect(schema.getQueryType()?.getFields()['plain']?.resolve).toBe(resolve);
      expect(await runOn(schema, '{ plain item { name } }')).toMatchObject({ errors: [], rows: [] });
    },
  );
});

it('builds two schemas from one builder, each with its own cache', async () => {
  const builder = newBuilder();
  let loads = 0;
  builder.queryType({
    fields: (t) => ({ n: t.int({ cache: { scope: 'public', ttl: '60s' }, resolve: () => (loads += 1) }) }),
  });
  const [one, two] = [await newWorld(), await newWorld()];
  const first = builder.toSchema({ cache: { engine: one.cache } });
  const second = builder.toSchema({ cache: { engine: two.cache } });
  expect((await runOn(first, '{ n }')).data).toEqual({ n: 1 });
  expect((await runOn(second, '{ n }')).data).toEqual({ n: 2 });
  expect((await runOn(first, '{ n }')).data).toEqual({ n: 1 });
  await two.cache.flush();
  expect((await runOn(first, '{ n }')).data).toEqual({ n: 1 });
  expect((await runOn(second, '{ n }')).data).toEqual({ n: 3 });
});

it('uses the ttl of the field, or defaultTtl if the field has none', async () => {
  const { run, clock } = await newSchema(
    (builder) => {
      builder.queryField('short', (t) => t.string({ cache: { scope: 'public', ttl: '1s' }, resolve: () => 'x' }));
      builder.queryField('long', (t) => t.string({ cache: { scope: 'public' }, resolve: () => 'x' }));
    },
    { defaultTtl: '5m' },
  );
  expect((await run('{ short long }')).rows.map(({ ttlMs }) => ttlMs)).toEqual([1_000, 300_000]);
  clock.advance(1_000);
  expect((await run('{ short long }')).states).toBe('miss hit');
});

it('adds the directive @cache and keeps the standard directives', async () => {
  const { schema } = await newSchema((builder) => {
    builder.queryField('a', (t) => t.string({ resolve: () => 'x' }));
  });
  const names = schema.getDirectives().map(({ name }) => name);
  expect(names).toEqual(['cache', 'deprecated', 'include', 'oneOf', 'skip', 'specifiedBy']);
  expect(printSchema(schema)).toContain('directive @cache(mode: CacheMode! = USE) on FIELD | QUERY');
  expect(schema.getType('Query')).toBeInstanceOf(GraphQLObjectType);
});
