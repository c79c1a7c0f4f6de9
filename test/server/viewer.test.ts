// Who asks, as far as the shop knows, and what comes of a resolver that looks.
import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql';
import { pino } from 'pino';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { connectDatabase, createShop } from '../../src/database/index.ts';
import { patient } from '../database/shop-database.ts';
import { cacheLogOf } from '../../src/server/cache-log.ts';
import { newWorld } from '../cache/world.ts';
import { startServer } from './start-server.ts';

const database = connectDatabase({ url: inject('databaseUrl'), onError: () => {}, ...patient });
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
    const viewerField = {
      type: GraphQLString,
      resolve: (_parent: unknown, _args: unknown, context: { viewer?: string }) => context.viewer,
    };
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { viewer: viewerField } }),
    });
    const { url } = await startServer({ schemaOf: () => schema, ...(adminToken === undefined ? {} : { adminToken }) });
    // By Yoga, and then by the short way.
    for (let asked = 0; asked < 2; asked += 1) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        body: '{"query":"{ viewer }"}',
      });
      expect(await response.json()).toEqual({ data: { viewer } });
    }
  });
});

it('keeps the value of a shop’s field that looks at the viewer out of the cache, and says so in the log', async () => {
  const lines: string[] = [];
  const log = cacheLogOf(pino({}, { write: (line: string) => void lines.push(line) }));
  const { cache, trace } = await newWorld('memory', { log });
  const schema = createSchema({ cache, ttlMs: 60_000, hasDirective: true });
  for (const viewer of ['admin', undefined] as const) {
    const context = {
      viewer,
      shop: { ...shop, categoryStats: async () => (context.viewer === 'admin' ? await shop.categoryStats() : []) },
    };
    const { data } = await execute({ schema, document: parse('{ categoryStats { id } }'), contextValue: context });
    expect((data as { categoryStats: unknown[] }).categoryStats).toHaveLength(viewer === 'admin' ? 10 : 0);
  }
  expect(trace.text).toBe('load write-refused(viewer-dependent) miss load write-refused(viewer-dependent) miss');
  expect(lines.join('')).toContain('"field":"Query.categoryStats","reason":"viewer-dependent","what":"viewer"');
});
