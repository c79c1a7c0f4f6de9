/**
 * The only file that connects the parts. It starts from the bottom up (database, Redis, cache, schema, server) and stops from the top
 * down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { createSchema, createShopConsole, type ShopConsoleOptions, type ShopContext } from '../schema/index.ts';
import { CacheStats, createCache, createMemoryStore, createRedisStore, type Cache, type Store } from './cache/index.ts';
import { ConfigError, environmentHelp, readConfig, type Config } from './config.ts';
import {
  connectDatabase,
  createShop,
  DatabaseUrlError,
  sqlFiles,
  tablesExist,
  type ChangeFeed,
  type Database,
} from './database/index.ts';
import { EmbeddedError, startPostgres, startRestartableRedis, type RestartableRedis } from './embedded/index.ts';
import { openTelemetryTracer } from './opentelemetry/index.ts';
import { cacheLogOf } from './server/cache-log.ts';
import { watchDatabase } from './server/database-watch.ts';
import { ConsoleMissingError, readConsoleFiles } from './server/http/console-files.ts';
import { createGraphqlHandler, graphqlPath } from './server/graphql/graphql.ts';
import { createCachedResponses } from './server/graphql/cached-responses.ts';
import { createHealth } from './server/health.ts';
import { createHttpServer } from './server/http/http.ts';
import { checkPortIsFree, listen, ListenError } from './server/http/listen.ts';
import { createLog, type Log } from './server/log.ts';
import { createMetrics } from './server/metrics/metrics.ts';
import { redisCliFor } from './server/redis-cli.ts';
import { outsideRequests } from './server/request-scope.ts';
import { Shutdown } from './server/shutdown.ts';
import { prepareWarmUp, type WarmUpParts } from './server/warm-up.ts';

/** How long a server that is told to stop still accepts requests: until load balancers have noticed that it is not ready. */
const drainMs = 2_000;
/** How long the start waits for the change feed, in milliseconds. */
const feedMsMax = { auto: 1_000, required: 10_000 };
/** The size of cached responses, in bytes. */
const readyBytesMax = 8_388_608;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config);
  const shutdown = new Shutdown(log);
  try {
    await start(config, log, shutdown);
  } catch (error) {
    await shutdown.stop('failure');
    throw error;
  }
}

async function start(config: Config, log: Log, shutdown: Shutdown): Promise<void> {
  shutdown.onSignals();
  await checkPortIsFree(config); // before a database is started in vain
  const database = await openDatabase(config, log, shutdown);
  if (config.simulatesLatency) log.info('SIMULATED_LATENCY=on: the database answers 250 to 350 ms later than it could');

  const { store, ...redis } = await openStore(config, log, shutdown);
  const { loadsAtOnceMax, cacheMemoryBytesMax: memoryBytesMax } = config;
  const limits = { memoryBytesMax, ...(loadsAtOnceMax !== undefined && { loadsAtOnceMax }) };
  const observed = { log: cacheLogOf(log), tracer: openTelemetryTracer() };
  const cache = createCache({ store, ...limits, knownTags: database.tableTags, ...observed });
  shutdown.add('cache', () => cache.close());
  const changeFeed = openChangeFeed(config, database, { cache, log, shutdown });
  const { db } = database;
  const shop = createShop({ db, writing: database.writing(cache), simulateLatency: config.simulatesLatency });
  const cacheStats = new CacheStats(cache);
  const ttlMs = config.cacheTtlMs;
  const shopConsole = config.hasConsole ? createShopConsole(cache, redis) : undefined;
  const metrics = createMetrics({ cache, pool: database.pool, changeFeed });

  const ready = createCachedResponses({ engine: cache, bytesMax: readyBytesMax, hasReport: config.hasReport });
  const schema = createSchema({ cache, ttlMs, hasConsole: config.hasConsole });
  const contextOf = (): Omit<ShopContext, 'viewer'> => {
    return { shop, loaders: shop.createLoaders(), cache, cacheStats, changeFeed, shopConsole };
  };
  const graphql = createGraphqlHandler({
    ready,
    schema,
    contextOf,
    hasReport: config.hasReport,
    hasConsole: config.hasConsole,
    adminToken: config.adminToken,
    log,
  });
  await database.readTables(); // so that the first values are stored
  await startFeed(changeFeed, config);
  const onResult = metrics.warmedUp;
  const warmUp = await openWarmUp(config, { cache, schema, contextOf, log, onResult, shutdown });
  const health = createHealth({ ping: () => shop.ping(), warmUp });
  const consoleFiles = config.hasConsole ? await readConsoleFiles() : undefined;
  const http = createHttpServer({
    graphql,
    ready,
    consoleFiles,
    health,
    metrics: metrics.registry,
    onAnswer: metrics.answered,
    onRefusal: metrics.refused,
    keepAliveMs: config.keepAliveMs,
    corsOrigins: config.corsOrigins,
    log,
  });
  const url = await listen(http.server, config);
  shutdown.add('server', (reason) => {
    health.shuttingDown();
    return http.close({ drainMs: reason === 'SIGTERM' ? drainMs : 0 });
  });
  await health.readiness(); // once: it begins the warm-up, and the first probe finds a database that is available
  log.info(`${config.hasConsole ? 'GraphiQL' : 'GraphQL'}: ${url}${graphqlPath}`);
}

async function openDatabase(config: Config, log: Log, shutdown: Shutdown): Promise<Database> {
  let url = config.databaseUrl;
  if (url === undefined) {
    const postgres = await startPostgres({ sqlFiles: sqlFiles() });
    shutdown.add('embedded PostgreSQL', () => postgres.stop());
    url = postgres.url;
    log.info(`PostgreSQL: embedded, with sample data, gone when this stops: ${url}`);
  } else {
    log.info('PostgreSQL: as DATABASE_URL says');
  }
  let isClosed = false;
  const database = connectDatabase({
    url,
    onError(error) {
      if (!isClosed) outsideRequests(() => log.warn({ reason: error.message }, 'a database connection broke'));
    },
  });
  shutdown.add('database connections', () => {
    isClosed = true; // the embedded PostgreSQL ends next, and may be faster than its clients
    return database.close();
  });
  if (config.databaseUrl !== undefined) watchGivenDatabase(database, log, shutdown);
  return database;
}

/** The app never changes a database that it is given. That database may be unavailable or empty; both are logged. */
function watchGivenDatabase({ db }: Database, log: Log, shutdown: Shutdown): void {
  const end = new AbortController();
  const watching = watchDatabase({ tablesExist: () => tablesExist(db), log, signal: end.signal });
  shutdown.add('database watch', () => {
    end.abort();
    return watching;
  });
}

function openChangeFeed(
  config: Config,
  database: Database,
  { cache, log, shutdown }: FeedParts,
): ChangeFeed | undefined {
  if (config.changeFeed === 'off') return undefined;
  const isEmbedded = config.databaseUrl === undefined;
  // The slot of a database that is gone with this program need not outlive it.
  const changeFeed = database.changeFeed(cache, { log: cacheLogOf(log), ...(isEmbedded && { ownSlot: true }) });
  shutdown.add('change feed', () => changeFeed.close());
  return changeFeed;
}

interface FeedParts {
  readonly cache: Cache;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

/** Waits for the feed, because it begins by invalidating everything, but not for long: without Redis it waits, too. */
async function startFeed(changeFeed: ChangeFeed | undefined, config: Config): Promise<void> {
  const isRequired = config.changeFeed === 'required';
  await Promise.race([
    changeFeed?.ready,
    sleep(isRequired ? feedMsMax.required : feedMsMax.auto, undefined, { ref: false }),
  ]);
  const { state, reason = 'Redis cannot be reached' } = changeFeed?.status ?? {};
  if (isRequired && state !== 'reading' && state !== 'waiting')
    throw new ConfigError(`CHANGE_FEED=required, but the change feed does not work: ${reason}`);
}

async function openWarmUp(
  config: Config,
  { shutdown, ...parts }: WarmUpParts & Pick<FeedParts, 'shutdown'>,
): Promise<(() => Promise<void>) | undefined> {
  if (!config.warmsUp) return undefined;
  const warmUp = await prepareWarmUp(parts);
  shutdown.add('warm-up', async () => warmUp.close());
  return () => warmUp.run();
}

/** The store, and what the console knows of its Redis. */
interface OpenStore extends Pick<ShopConsoleOptions, 'redisCli' | 'privateRedis'> {
  readonly store: Store;
}

async function openStore(config: Config, log: Log, shutdown: Shutdown): Promise<OpenStore> {
  const { redisUrl, cacheNamespace: namespace, cacheMemoryBytesMax: bytesMax } = config;
  const privateRedis = redisUrl === undefined ? await startPrivateRedis(log, shutdown) : undefined;
  const address = redisUrl ?? privateRedis?.socketPath;
  if (address === undefined) {
    log.info('Redis: none, because REDIS_URL is not set and no redis-server or valkey-server is on the PATH');
    log.info('Cache: in the memory of this process alone');
    return { store: createMemoryStore({ namespace, bytesMax }), redisCli: null, privateRedis };
  }
  if (redisUrl !== undefined) log.info('Redis: as REDIS_URL says');
  const store = await createRedisStore({ address, namespace });
  return { store, redisCli: redisCliFor(address), privateRedis };
}

async function startPrivateRedis(log: Log, shutdown: Shutdown): Promise<RestartableRedis | undefined> {
  const redis = await startRestartableRedis();
  if (redis === null) return undefined;
  shutdown.add('private Redis', () => redis.close());
  log.info(`Redis: private, gone when this stops; look inside with: ${redisCliFor(redis.socketPath)}`);
  return redis;
}

/** Mistakes in the environment are reported in one line; anything else is a bug, with its stack trace. */
function explain(error: unknown): string {
  const expected = [ConfigError, ListenError, EmbeddedError, DatabaseUrlError, ConsoleMissingError];
  if (error instanceof Error && expected.some((kind) => error instanceof kind)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const command = new Command('npm start --')
  .description(
    'Starts the shop: GraphQL at /graphql, with GraphiQL in a browser. Its settings are environment variables.',
  )
  .addHelpText('after', `\nEnvironment variables, with their defaults:\n${environmentHelp()}`)
  .action(main);
await command.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
