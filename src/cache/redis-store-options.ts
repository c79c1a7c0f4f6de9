/** The options of `createRedisStore`. */
import type { Clock } from './clock.ts';
import { CacheError } from './errors.ts';
import type { RedisTarget } from './redis-target.ts';

/** What a store on Redis is created with. */
export type RedisStoreOptions = RedisTarget & {
  /** First part of every key, 1…32 of `a-z 0-9 _ -`. Two programs on one Redis differ in it. */
  readonly namespace: string;
  /** As `createCache`'s, which is what requests see. Default: 100 ms. A command is given up after twice that. */
  readonly deadlineMs?: number;
  /** Monotonic. Default: the machine's own. */
  readonly clock?: Clock;
  /**
   * Is called with each fault of the connection: `STORE_REFUSED` where the server rejects the password, the user or the
   * database, `STORE_UNAVAILABLE` where it cannot be reached. No message contains a password.
   */
  readonly onError?: (error: CacheError) => void;
  /** Is called each time the connection is up. */
  readonly onReady?: () => void;
};

const optionNames = ['address', 'client', 'namespace', 'deadlineMs', 'clock', 'onError', 'onReady'];

/** @throws {CacheError} `INVALID_OPTIONS` for an option that is unknown, which may be a misspelt one. */
export function checkOptionNames(options: unknown): void {
  const isObject = typeof options === 'object' && options !== null;
  const unknown = isObject ? Object.keys(options).find((name) => !optionNames.includes(name)) : 'no object';
  if (unknown === undefined) return;
  const got = isObject ? `the unknown option ${JSON.stringify(unknown)}` : typeof options;
  throw new CacheError('INVALID_OPTIONS', `createRedisStore: the options are ${optionNames.join(', ')}; got ${got}`);
}
