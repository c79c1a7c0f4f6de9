/**
 * Connects the parts. It starts from the bottom up (`open-database.ts`, `open-cache.ts`, schema, server) and stops from the top down.
 */
import { Command } from 'commander';
import { createSchema, createShopConsole, type ShopContext } from '../schema/index.ts';
import { CacheStats, createCdn } from './cache/index.ts';
import { ConfigError, environmentHelp, readConfig, type Config } from './config.ts';
import { createShop, DatabaseUrlError } from './database/index.ts';
import { EmbeddedError } from './embedded/index.ts';
import { openCache, openStore } from './open-cache.ts';
import { openChangeFeed, openDatabase, startFeed } from './open-database.ts';
import { ConsoleMissingError, readConsoleFiles } from './server/http/console-files.ts';
import { createGraphqlHandler, graphqlPath } from './server/graphql/graphql.ts';
import { createCachedResponses } from './server/graphql/cached-responses.ts';
import { createHealth } from './server/health.ts';
import { createHttpServer } from './server/http/http.ts';
import { checkPortIsFree, listen, ListenError } from './server/http/listen.ts';
import { createLog, type Log } from './server/log.ts';
import { createMetrics } from './server/metrics/metrics.ts';
import { Shutdown } from './server/shutdown.ts';
import { prepareWarmUp, type WarmUpParts } from './server/warm-up.ts';

/** How long a server that is told to stop still accepts requests: until load balancers have noticed that it is not ready. */
const drainMs = 2_000;
/** The size of cached responses, in bytes. */
const responseBytesMax = 8_388_608;

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
  const { hasReport, hasConsole, adminToken, shadow } = config;
  const cache = openCache(config, { store, knownTags: database.tableTags, log });
  shutdown.add('cache', () => cache.close());
  const changeFeed = openChangeFeed(config, database, { cache, log, shutdown });
  const { db } = database;
  const shop = createShop({ db, writing: database.writing(cache), simulateLatency: config.simulatesLatency });
  const cacheStats = new CacheStats(cache);
  const ttlMs = config.cacheTtlMs;
  const shopConsole = hasConsole ? createShopConsole(cache, redis) : undefined;
  const cdn = config.cdnTags && createCdn(cache, config.cdnTags);
  const metrics = createMetrics({ cache, pool: database.pool, changeFeed, cdn });

  const responses = createCachedResponses({ engine: cache, bytesMax: responseBytesMax, hasReport, cdn });
  const schema = createSchema({ cache, ttlMs, shadow, hasConsole });
  const contextOf = (): Omit<ShopContext, 'viewer'> => {
    return { shop, loaders: shop.createLoaders(), cache, cacheStats, changeFeed, shopConsole };
  };
  const graphql = createGraphqlHandler({ responses, cdn, schema, contextOf, hasReport, hasConsole, adminToken, log });
  await database.readTables(); // so that the first values are stored
  await startFeed(changeFeed, config);
  const warmUp = await openWarmUp(config, { cache, schema, contextOf, log, onResult: metrics.warmedUp, shutdown });
  const health = createHealth({ ping: () => shop.ping(), warmUp });
  const consoleFiles = hasConsole ? await readConsoleFiles() : undefined;
  const http = createHttpServer({
    graphql,
    responses,
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
  log.info(`${hasConsole ? 'GraphiQL' : 'GraphQL'}: ${url}${graphqlPath}`);
}

async function openWarmUp(
  config: Config,
  { shutdown, ...parts }: WarmUpParts & { readonly shutdown: Shutdown },
): Promise<(() => Promise<void>) | undefined> {
  if (!config.warmsUp) return undefined;
  const warmUp = await prepareWarmUp(parts);
  shutdown.add('warm-up', async () => warmUp.close());
  return () => warmUp.run();
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
