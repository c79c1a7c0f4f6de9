/**
 * This project's listener, GraphQL and engine as `main.ts` wires them, with a schema whose responses have the size that
 * is requested. Its resolvers generate their rows, so that no database is measured.
 *
 * The environment sets `NAMESPACE`, `REDIS_URL`, `CACHE_MEMORY_MB` and `PORT`.
 */
import { env } from 'node:process';
import SchemaBuilder from '@pothos/core';
import { pino } from 'pino';
import { createCache, createRedisStore } from '../../../dist/src/cache/index.js';
import CachePlugin from '../../../dist/src/pothos-cache/index.js';
import { createGraphqlHandler } from '../../../dist/src/server/graphql/graphql.js';
import { createCachedResponses } from '../../../dist/src/server/graphql/cached-responses.js';
import { createHealth } from '../../../dist/src/server/health.js';
import { createHttpServer } from '../../../dist/src/server/http/http.js';
import { listen } from '../../../dist/src/server/http/listen.js';
import { createMetrics } from '../../../dist/src/server/metrics/metrics.js';

/** The same as in `main.ts`. */
const responseBytesMax = 8_388_608;

const log = pino({ level: 'warn' });
const store = await createRedisStore({ address: env.REDIS_URL, namespace: env.NAMESPACE });
const cache = createCache({ store, memoryBytesMax: Number(env.CACHE_MEMORY_MB) * 1024 * 1024 });
const responses = createCachedResponses({ engine: cache, bytesMax: responseBytesMax, hasReport: false });
const graphql = createGraphqlHandler({
  responses,
  schema: schemaOn(cache),
  contextOf: () => ({}),
  hasReport: false,
  hasConsole: false,
  adminToken: undefined,
  log,
});
const metrics = createMetrics({ cache });
const { server } = createHttpServer({
  graphql,
  responses,
  health: createHealth({ ping: async () => {} }),
  metrics: metrics.registry,
  onAnswer: metrics.answered,
  keepAliveMs: 620_000,
  corsOrigins: [],
  log,
});
await listen(server, { host: '127.0.0.1', port: Number(env.PORT) });

function schemaOn(engine) {
  const builder = new SchemaBuilder({ plugins: [CachePlugin] });
  const Row = builder.objectRef('Row').implement({
    fields: (t) => ({
      id: t.exposeInt('id', { nullable: false }),
      name: t.exposeString('name', { nullable: false }),
      price: t.exposeString('price', { nullable: false }),
      stock: t.exposeInt('stock', { nullable: false }),
    }),
  });
  const number = (t) => t.arg.int({ required: true });
  builder.queryType({
    fields: (t) => ({
      item: t.field({
        type: Row,
        args: { id: number(t) },
        cache: { scope: 'public', ttl: '1d', tags: ['items'] },
        resolve: (_parent, { id }) => row(id),
      }),
      rows: t.field({
        type: [Row],
        args: { count: number(t) },
        cache: { scope: 'public', ttl: '1d', tags: ['rows'] },
        resolve: (_parent, { count }) => rows(count),
      }),
      // The same, with another `turn` in each request: values that are not requested again expire after a second.
      rowsOnce: t.field({
        type: [Row],
        args: { count: number(t), turn: number(t) },
        cache: { scope: 'public', ttl: '1s', tags: ['rows'] },
        resolve: (_parent, { count }) => rows(count),
      }),
    }),
  });
  return builder.toSchema({ cache: { engine, directive: false } });
}

function rows(count) {
  return Array.from({ length: count }, (_, index) => row(index));
}

function row(id) {
  return { id, name: `Kestrel Stainless Steel Handle ${id}`, price: `${id % 900}.99`, stock: id % 240 };
}
