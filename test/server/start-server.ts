import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { inject, onTestFinished } from 'vitest';
import { createSchema, createShopConsole, type ShopConsoleOptions, type ShopContext } from '../../schema/index.ts';
import {
  CacheStats,
  createCache,
  createCdn,
  createMemoryStore,
  createRedisStore,
  type Cache,
  type CdnOptions,
  type Clock,
} from '../../src/cache/index.ts';
import { readConfig, type Config } from '../../src/config.ts';
import { connectDatabase, createShop } from '../../src/database/index.ts';
import { cacheLogOf } from '../../src/server/cache-log.ts';
import { readConsoleFiles } from '../../src/server/http/console-files.ts';
import { createGraphqlHandler } from '../../src/server/graphql/graphql.ts';
import { createCachedResponses } from '../../src/server/graphql/cached-responses.ts';
import { createHealth } from '../../src/server/health.ts';
import { createHttpServer, type HttpServer } from '../../src/server/http/http.ts';
import { listen } from '../../src/server/http/listen.ts';
import { logOptions } from '../../src/server/log.ts';
import { redisCliFor } from '../../src/server/redis-cli.ts';
import { createMetrics } from '../../src/server/metrics/metrics.ts';
import type { TrafficLimits } from '../../src/server/http/traffic.ts';
import { prepareWarmUp } from '../../src/server/warm-up.ts';
import { withLongLeases } from '../cache/world.ts';
import { patient } from '../database/shop-database.ts';
import { createClient, type Client } from './client.ts';

/** The level of production, and the one at which each request is opened at once so that all its lines have its id. */
export const logLevels = ['info', 'debug'] as const;

export interface Overrides {
  /** Default: the seeded database that all tests share. */
  databaseUrl?: string;
  /** Whether an unavailable database is detected as soon as in production. Default: false, for busy machines. */
  isDatabaseImpatient?: boolean;
  /** A URL or a socket's path; null for the memory store. Default: the Redis that all tests share. */
  redis?: string | null;
  /** That of another server, to share its values. Default: a new one. */
  namespace?: string;
  ttlMs?: number;
  /** Of the cache. Default: long, so that a busy machine does not look like a faulty Redis. */
  deadlineMs?: number;
  /** Of the cache. Default: the machine's clock. */
  clock?: Clock;
  hasReport?: boolean;
  /** Default: responses are not tagged for a CDN. */
  cdn?: CdnOptions;
  simulateLatency?: boolean;
  hasConsole?: boolean;
  adminToken?: string;
  trafficLimits?: Partial<TrafficLimits>;
  keepAliveMs?: number;
  /** Whether `schema/warm.graphql` is run before it is ready, and again when Redis is back. Default: false. */
  warmsUp?: boolean;
  /** Default: none. */
  corsOrigins?: readonly string[];
  /** Default: the shop's schema. */
  schemaOf?: typeof createSchema;
  /** Of the memory tier. Default: 0, no memory tier. */
  memoryBytesMax?: number;
  /** Of the response cache. Default: a megabyte. */
  responseBytesMax?: number;
  /** What the console is told. Default: that this process has not started the Redis. */
  shopConsole?: Partial<ShopConsoleOptions>;
  /** Default: `info`. */
  logLevel?: Config['logLevel'];
}

export interface RunningServer extends Client {
  readonly url: string;
  readonly cache: Cache;
  readonly http: HttpServer;
  /** The number of executed operations. */
  executions: () => number;
  /** Different for each server unless given, so that tests on one Redis do not share keys. */
  readonly namespace: string;
  /** The SQL since the last call. */
  statements: () => string[];
  /** All lines of the log. */
  readonly logLines: readonly string[];
}

/** Starts the server as `main.ts` wires it, in this process, on a free port. It is closed at the end of the test. */
export async function startServer(overrides: Overrides = {}): Promise<RunningServer> {
  const { databaseUrl = inject('databaseUrl'), redis = inject('redisSocketPath') } = overrides;
  const {
    schemaOf = createSchema,
    ttlMs = 60_000,
    deadlineMs = 20_000,
    hasReport = true,
    simulateLatency = false,
    hasConsole = true,
    logLevel = 'info',
  } = overrides;
  const { namespace = `test-${randomBytes(6).toString('hex')}` } = overrides;
  const logLines: string[] = [];
  const log = pino({ ...logOptions, level: logLevel }, { write: (line: string) => void logLines.push(line) });
  let statements: string[] = [];
  let executions = 0;

  const database = connectDatabase({
    url: databaseUrl,
    ...(overrides.isDatabaseImpatient === true ? {} : patient),
    onError: (error) => log.warn({ reason: error.message }, 'a database connection broke'),
    log: ({ query }) => void statements.push(query.sql),
  });
  const store = withLongLeases(
    redis === null
      ? createMemoryStore({ namespace })
      : await createRedisStore({ address: redis, namespace, deadlineMs }),
  );
  const { memoryBytesMax = 0, responseBytesMax = 1_000_000 } = overrides;
  const clock = overrides.clock === undefined ? {} : { clock: overrides.clock };
  const cache = createCache({
    store,
    deadlineMs,
    memoryBytesMax,
    knownTags: database.tableTags,
    log: cacheLogOf(log),
    ...clock,
  });
  const shop = createShop({ db: database.db, writing: database.writing(cache), simulateLatency });
  await database.readTables();
  const cacheStats = new CacheStats(cache);
  const redisCli = redis === null ? null : redisCliFor(redis);
  const shown = { redisCli, privateRedis: undefined, ...overrides.shopConsole };
  const shopConsole = hasConsole ? createShopConsole(cache, shown) : undefined;
  const cdn = overrides.cdn && createCdn(cache, overrides.cdn);
  const responses = createCachedResponses({ engine: cache, bytesMax: responseBytesMax, hasReport, cdn });
  const schema = schemaOf({ cache, ttlMs, hasConsole });
  const contextOf = (): Omit<ShopContext, 'viewer'> => {
    return { shop, loaders: shop.createLoaders(), cache, cacheStats, shopConsole };
  };
  const graphql = createGraphqlHandler({
    responses,
    cdn,
    schema,
    contextOf() {
      executions += 1;
      return contextOf();
    },
    hasReport,
    hasConsole,
    adminToken: overrides.adminToken,
    log,
  });
  const metrics = createMetrics({ cache, pool: database.pool, cdn });
  const warmUp =
    overrides.warmsUp === true
      ? await prepareWarmUp({ cache, schema, contextOf, log, onResult: metrics.warmedUp, retryMs: 10 })
      : undefined;
  const health = createHealth({ ping: () => shop.ping(), warmUp: warmUp && (() => warmUp.run()) });
  const consoleFiles = hasConsole ? await readConsoleFiles() : undefined;
  const http = createHttpServer({
    graphql,
    responses,
    consoleFiles,
    health,
    metrics: metrics.registry,
    onAnswer: metrics.answered,
    onRefusal: metrics.refused,
    log,
    trafficLimits: overrides.trafficLimits ?? {},
    corsOrigins: overrides.corsOrigins ?? [],
    keepAliveMs: overrides.keepAliveMs ?? readConfig({}).keepAliveMs,
  });
  const url = await listen(http.server, { host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    http.server.closeAllConnections();
    warmUp?.close();
    await http.close({ drainMs: 0 });
    await cdn?.close();
    await cache.flush().catch(() => 0);
    await cache.close();
    await database.close();
  });
  return {
    ...createClient(url),
    url,
    cache,
    http,
    executions: () => executions,
    namespace,
    logLines,
    statements() {
      const taken = statements;
      statements = [];
      return taken;
    },
  };
}
