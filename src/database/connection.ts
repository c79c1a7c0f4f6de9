import { Kysely, PostgresDialect, type KyselyConfig } from 'kysely';
import { Pool } from 'pg';
import type { Cache } from '../cache/index.ts';
import {
  changeFeed,
  touchedTables,
  type ChangeFeed,
  type ChangeFeedOptions,
  type Writing,
} from '../kysely-cache/index.ts';
import { addressIn } from './address.ts';
import { guardedPool } from './guarded-pool.ts';
import { livenessProbe } from './liveness.ts';
import type { Tables } from './tables.ts';

/** Where PostgreSQL is, and the limits of the pool. */
export interface DatabaseOptions {
  /**
   * Where PostgreSQL 15 or newer listens, as node-postgres parses it:
   * `postgresql://user:password@host:5432/shop`, with `?sslmode=verify-full` for an encrypted connection.
   * A Unix socket is named by its *folder*, and the port selects a socket in it:
   * `postgresql://user@localhost/shop?host=/tmp/folder&port=5432` (the host before the path is not used then, and may be
   * empty), `postgresql://user@%2Ftmp%2Ffolder:5432/shop`, or `socket://user@/tmp/folder?db=shop&port=5432`.
   */
  url: string;
  /** Called with each connection that broke while idle. It must not throw. A connection in use rejects its statement instead. */
  onError: (error: Error) => void;
  /** The number of connections. Default: 10. */
  poolMax?: number;
  /** Milliseconds after which a statement is cancelled (SQLSTATE 57014). Default: 10,000. */
  statementMsMax?: number;
  /** Milliseconds that a statement waits for a connection. Default: 750. */
  connectMsMax?: number;
  /** Milliseconds that the server has to show that it is still there, while a statement takes long. Default: 400. */
  replyMsMax?: number;
  /** Kysely's own log: every statement and its duration. */
  log?: NonNullable<KyselyConfig['log']>;
}

/** How many connections are in use now. */
export interface ConnectionPool {
  /** The connections that are open, or being opened. */
  readonly open: number;
  /** Those of them that are not used. */
  readonly idle: number;
  /** The statements and transactions that wait for a connection. */
  readonly waiting: number;
  /** How many are opened at most. */
  readonly max: number;
}

/** A pool of connections, and Kysely on it. */
export interface Database {
  readonly db: Kysely<Tables>;
  readonly pool: ConnectionPool;
  /** What cached loads may touch: the tags of all tables, as far as they are known. */
  readonly tableTags: () => readonly string[];
  /** Reads which tables exist. Once at the start; later that happens when it is needed. Never rejects. */
  readTables(): Promise<void>;
  /** Returns `writing` for a cache whose values are loaded from this database. */
  writing(cache: Cache): Writing;
  /** Invalidates what depends on rows that any program changes. Close it before the cache. */
  changeFeed(cache: Cache, options: Pick<ChangeFeedOptions, 'log' | 'ownSlot'>): ChangeFeed;
  /** Waits for running statements, then closes all connections. May be called twice. */
  close(): Promise<void>;
}

// How long the server may take to act on the cancellation of a statement, before the connection is closed.
const cancelMsMax = 2_000;
// The server is asked whether it is still there while a statement takes longer than this. With the default of `replyMsMax`, a
// server that is gone is noticed within a second.
const askAfterMs = 350;

/**
 * Creates a pool of connections to PostgreSQL, and Kysely on it, whose statements record which tables they touch. Nothing is connected
 * before the first statement.
 *
 * A statement is rejected with an error that `isDatabaseUnavailable` recognizes if it gets no connection within `connectMsMax`, if its
 * connection breaks, or if its server no longer replies. So a pool whose connections are all busy for that long counts as unavailable
 * too. The pool recovers by itself when the database does.
 *
 * @throws {DatabaseUrlError} if `url`, or a file that it names, cannot be read.
 */
export function connectDatabase(options: DatabaseOptions): Database {
  const { url, onError, poolMax = 10, statementMsMax = 10_000, connectMsMax = 750, replyMsMax = 400, log } = options;
  const address = addressIn(url);
  const pool = new Pool({
    ...address,
    application_name: 'cachepot',
    max: poolMax,
    connectionTimeoutMillis: connectMsMax,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', onError);
  const isThere = livenessProbe(address, replyMsMax);
  const guarded = guardedPool(pool, { isThere, askEveryMs: askAfterMs, statementMsMax, cancelMsMax });
  const tables = touchedTables(new PostgresDialect({ pool: guarded }));
  const { dialect } = tables;
  const db = new Kysely<Tables>(log === undefined ? { dialect } : { dialect, log });
  return {
    db,
    pool: usageOf(pool, poolMax),
    tableTags: tables.tags,
    readTables: tables.read,
    writing: tables.writing,
    changeFeed: (cache, feedOptions) => changeFeed({ pool, cache, tables, ...feedOptions }),
    async close() {
      await db.destroy();
      // Kysely does not close a pool that it has not used yet.
      await guarded.end();
    },
  };
}

function usageOf(pool: Pool, max: number): ConnectionPool {
  return {
    get open() {
      return pool.totalCount;
    },
    get idle() {
      return pool.idleCount;
    },
    get waiting() {
      return pool.waitingCount;
    },
    max,
  };
}
