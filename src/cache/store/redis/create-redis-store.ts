/** Loads the store on Redis when one is created, because a program that uses another store need not install ioredis. */
import { CacheError } from '../../base/errors.ts';
import type { Store } from '../store.ts';
import { checkRedisStoreOptions, type RedisStoreOptions } from './store-options.ts';

/**
 * Creates a store on Redis. It connects at once and reconnects by itself. Until it is connected, every call rejects, so a process
 * starts without Redis. It issues no command except in the database that it was created for; if that database cannot be selected,
 * the store stays unavailable.
 *
 * `address` is `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for TLS, or the path of a Unix socket,
 * with `?db=` for the database. `client`, an ioredis client or the options of one, replaces it for what an address cannot express:
 * TLS certificates, Sentinels, a password that is rotated. The store opens connections of its own with the same host, user, TLS and
 * database, and its own timeouts. It neither uses nor closes the client, and reads `options.password` again for each connection. The
 * database is that of `options.db`; `keyPrefix` must be empty; a Cluster is not supported.
 *
 * @throws {CacheError} `INVALID_OPTIONS` for an unknown or malformed option, and for an address that does not name exactly one
 *   server and one database; `INVALID_KEY` for an invalid namespace; `LIBRARY_MISSING` if ioredis is not installed.
 */
export async function createRedisStore(options: RedisStoreOptions): Promise<Store> {
  checkRedisStoreOptions(options);
  const { openRedisStore } = await import('./redis-store.ts').catch(explain);
  return await openRedisStore(options);
}

function explain(error: unknown): never {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  if (!isMissing) throw error;
  const message =
    'createRedisStore needs the package ioredis, version 5 or 6, which is not installed: npm install ioredis';
  throw new CacheError('LIBRARY_MISSING', message, { cause: error });
}
