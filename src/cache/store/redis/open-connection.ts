/**
 * How each connection of a store is opened: it is ready only in the database that was asked for.
 *
 * ioredis reports a SELECT that fails and goes on in database 0, on the first connection and on each one after that (the number
 * of databases and a user's permissions change while a process runs). Two deployments that differ in the number alone would
 * then read each other's values.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { CacheError } from '../../base/errors.ts';
import { connectionFault } from './connection-fault.ts';
import type { ReachOptions } from './target.ts';

// Under RESP3 ioredis silently drops tracking's messages.
const always = { protocol: 2, replyMapping: 'legacy', lazyConnect: true } as const satisfies RedisOptions;

interface Opening {
  /** How commands are sent. */
  readonly settings: RedisOptions;
  readonly onError: (error: CacheError) => void;
}

/** A client that connects when it is told to, and then reconnects by itself. */
export function openRedis(reach: ReachOptions, { settings, onError }: Opening): Redis {
  const redis = new SelectingRedis({ ...reach(), ...settings, ...always });
  redis.on('error', (error) => onError(connectionFault(error)));
  // Secret stores rotate passwords: the next connection uses the caller's present one.
  redis.on('close', () => {
    try {
      const { username, password } = reach();
      Object.assign(redis.options, { username, password });
    } catch (error) {
      // The secret store is away: the next connection tries the password of this one.
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
      // The handshake that waits for this ends with the connection. A rejection it would ignore.
      return await new Promise(() => {});
    }
  }
}
