// The viewer of a request, and the effect on the cache of a resolver that reads it.
import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql';
import { pino } from 'pino';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { connectDatabase, createShop } from '../../src/database/index.ts';
import { noWriting, patient } from '../database/shop-database.ts';
import { cacheLogOf } from '../../src/server/cache-log.ts';
import { newWorld } from '../cache/world.ts';
import { startServer } from './start-server.ts';

const database = connectDatabase({ url: inject('databaseUrl'), onError: () => {}, ...patient });
const shop = createShop({ db: database.db, writing: noWriting, simulateLatency: false });
afterAll(() => database.close());

describe('the viewer', () => {
  it.each<[string, string | undefined, string | undefined, string | null]>([
    ['null if the server has no admin token', undefined, 'Bearer secret', null],
    ['null if no token is sent', 'secret', undefined, null],
    ['null if a wrong token is sent', 'secret', 'Bearer Secret', null],
    ['null if the token is sent without Bearer', 'secret', 'secret', null],
    ['the admin if the token is sent', 'secret', 'Bearer secret', 'admin'],
  ])('is %s', async (_, adminToken, authorization, viewer) => {
    const viewerField = {
      type: GraphQLString,
      resolve: (_parent: unknown, _args: unknown, context: { viewer?: string }) => context.viewer,
    };
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { viewer: viewerField } }),
    });
    const { url } = await startServer({ schemaOf: () => schema, ...(adminToken === undefined ? {} : { adminToken }) });
    // First by Yoga, then on the executed-document fast path.
    for (let sent = 0; sent < 2; sent += 1) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        body: '{"query":"{ viewer }"}',
      });
      expect(await response.json()).toEqual({ data: { viewer } });
    }
  });
});

it('does not store the value of a shop field whose resolver reads the viewer, and logs the reason', async () => {
  const lines: string[] = [];
  const log = cacheLogOf(pino({}, { write: (line: string) => void lines.push(line) }));
  const { cache, trace } = await newWorld('memory', { log });
  const schema = createSchema({ cache, ttlMs: 60_000, hasConsole: true });
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
