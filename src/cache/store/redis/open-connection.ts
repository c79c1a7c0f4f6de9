/**
 * Opens the connections of a store. A connection is ready only in the database that was requested.
 *
 * When SELECT fails, ioredis reports that and continues in database 0, on the first connection and on every later one (the number
 * of databases and a user's permissions may change while a process runs). Two deployments that differ only in the number would
 * then read each other's values.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { CacheError } from '../../base/errors.ts';
import { connectionFault } from './connection-fault.ts';
import type { ReachOptions } from './target.ts';

// Under RESP3, ioredis silently drops the messages of client tracking.
const always = { protocol: 2, replyMapping: 'legacy', lazyConnect: true } as const satisfies RedisOptions;

interface Opening {
  /** How commands are sent. */
  readonly settings: RedisOptions;
  readonly onError: (error: CacheError) => void;
}

/** A client that connects when `connect` is called, and then reconnects by itself. */
export function openRedis(reach: ReachOptions, { settings, onError }: Opening): Redis {
  const redis = new SelectingRedis({ ...(reach() as RedisOptions), ...settings, ...always });
  redis.on('error', (error) => onError(connectionFault(error)));
  // Secret stores rotate passwords: the next connection uses the caller's current one.
  redis.on('close', () => {
    try {
      const { username, password } = reach();
      Object.assign(redis.options, { username, password });
    } catch (error) {
      // The secret store is unavailable: the next connection tries the previous password.
      onError(connectionFault(error instanceof Error ? error : new Error(String(error))));
    }
  });
  return redis;
}

class SelectingRedis extends Redis {
  override async select(index: number | string): Promise<'OK'> {
    try {
      return await super.select(index);
    } catch (error) {
      if (this.status === 'connect') {
        const reason = error instanceof Error ? error.message : String(error);
        const message = `Redis does not select database ${index}, and no other is used: ${reason}`;
        this.emit('error', new CacheError('STORE_REFUSED', message));
        this.stream.destroy();
      }
      // The handshake that waits for this ends with the connection. It would ignore a rejection.
      return await new Promise(() => {});
    }
  }
}
