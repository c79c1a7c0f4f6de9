// Who asks, as far as the shop knows, and what comes of a resolver that looks.
import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql';
import { pino } from 'pino';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { CacheStats } from '../../src/cache/index.ts';
import { connectDatabase, createShop } from '../../src/database/index.ts';
import { logCacheEvents } from '../../src/server/cache-log.ts';
import { createGraphqlHandler } from '../../src/server/graphql/graphql.ts';
import { createReadyWay } from '../../src/server/graphql/ready-way.ts';
import { newWorld } from '../cache/world.ts';

const database = connectDatabase({ url: inject('databaseUrl'), onError: () => {} });
const shop = createShop({ db: database.db, simulateLatency: false });
afterAll(() => database.close());

describe('the viewer', () => {
  it.each<[string, string | undefined, string | undefined, string | null]>([
    ['nobody, where there is no token', undefined, 'Bearer secret', null],
    ['nobody, where none is sent', 'secret', undefined, null],
    ['nobody, where a wrong one is sent', 'secret', 'Bearer Secret', null],
    ['nobody, where it is sent in another way', 'secret', 'secret', null],
    ['the admin, where the token is sent', 'secret', 'Bearer secret', 'admin'],
  ])('is %s', async (_, adminToken, authorization, viewer) => {
    const { cache } = await newWorld();
    const viewerField = {
      type: GraphQLString,
      resolve: (_parent: unknown, _args: unknown, context: { viewer?: string }) => context.viewer,
    };
    const graphql = createGraphqlHandler({
      schema: new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields: { viewer: viewerField } }) }),
      contextOf: () => ({ shop, loaders: shop.createLoaders(), cache, cacheStats: new CacheStats(cache) }),
      ready: createReadyWay({ engine: cache, bytesMax: 1_000, hasReport: true }),
      hasReport: true,
      hasConsole: true,
      adminToken,
      log: pino({ level: 'silent' }),
    });
    const response = await graphql.fetch('http://shop/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      body: '{"query":"{ viewer }"}',
    });
    expect(await response.json()).toEqual({ data: { viewer } });
  });
});

it('keeps the value of a shop’s field that looks at the viewer out of the cache, and says so in the log', async () => {
  const { cache, trace } = await newWorld();
  const lines: string[] = [];
  logCacheEvents(cache, pino({}, { write: (line: string) => void lines.push(line) }));
  const schema = createSchema({ cache, ttlMs: 60_000, hasDirective: true });
  for (const viewer of ['admin', undefined] as const) {
    const context = {
      viewer,
      shop: { ...shop, categoryStats: async () => (context.viewer === 'admin' ? await shop.categoryStats() : []) },
    };
    const { data } = await execute({ schema, document: parse('{ categoryStats { id } }'), contextValue: context });
    expect((data as { categoryStats: unknown[] }).categoryStats).toHaveLength(viewer === 'admin' ? 10 : 0);
  }
  expect(trace.text).toBe('load write-refused(scope-too-wide) miss load write-refused(scope-too-wide) miss');
  expect(lines.join('')).toContain('"field":"Query.categoryStats","reason":"scope-too-wide"');
});
