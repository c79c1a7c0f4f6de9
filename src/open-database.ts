/** Opens the database, and the change feed that reports what other programs change in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cache } from './cache/index.ts';
import { ConfigError, type Config } from './config.ts';
import { connectDatabase, sqlFiles, tablesExist, type ChangeFeed, type Database } from './database/index.ts';
import { startPostgres } from './embedded/index.ts';
import { cacheLogOf } from './server/cache-log.ts';
import { watchDatabase } from './server/database-watch.ts';
import type { Log } from './server/log.ts';
import { outsideRequests } from './server/request-scope.ts';
import type { Shutdown } from './server/shutdown.ts';

/** How long the start waits for the change feed, in milliseconds. */
const feedMsMax = { auto: 1_000, required: 10_000 };

/** Connects to the database of `DATABASE_URL`, or starts an embedded one. */
export async function openDatabase(config: Config, log: Log, shutdown: Shutdown): Promise<Database> {
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

/** What the change feed needs, besides the configuration and the database. */
interface FeedParts {
  readonly cache: Cache;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

/** Opens the change feed, which invalidates what other programs change; undefined if `CHANGE_FEED` is off. */
export function openChangeFeed(
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

/**
 * Waits until the feed runs, because it begins by invalidating everything. Not for long, because without Redis it does not begin.
 *
 * @throws {ConfigError} if the feed is required and does not run.
 */
export async function startFeed(changeFeed: ChangeFeed | undefined, config: Config): Promise<void> {
  const isRequired = config.changeFeed === 'required';
  await Promise.race([
    changeFeed?.ready,
    sleep(isRequired ? feedMsMax.required : feedMsMax.auto, undefined, { ref: false }),
  ]);
  const { state, reason = 'Redis cannot be reached' } = changeFeed?.status ?? {};
  if (isRequired && state !== 'reading' && state !== 'waiting')
    throw new ConfigError(`CHANGE_FEED=required, but the change feed does not work: ${reason}`);
}
