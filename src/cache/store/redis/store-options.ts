/** The options of `createRedisStore`. */
import { checkOptions, clockRule, deadlineRule, isFunction, type OptionRule } from '../../base/check-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { CacheError } from '../../base/errors.ts';
import type { RedisTarget } from './target.ts';

/** What a store on Redis is created with. */
export type RedisStoreOptions = RedisTarget & {
  /** First part of every key, 1…32 of `a-z 0-9 _ -`. Two programs on one Redis differ in it. */
  readonly namespace: string;
  /**
   * As `createCache`'s, which is what requests see: milliseconds above 0, at most 3,600,000. Default: 100. A command is given up
   * after twice that.
   */
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

/** What `address` and `client` must be depends on each other: see `target.ts`. */
const ofTarget: OptionRule = { must: '', isRight: () => true };
const callback: OptionRule = { must: 'a function', isRight: isFunction };

const rules: Readonly<Record<keyof RedisStoreOptions, OptionRule>> = {
  address: ofTarget,
  client: ofTarget,
  namespace: { must: 'a text', isRight: (value) => typeof value === 'string', isRequired: true },
  deadlineMs: deadlineRule,
  clock: clockRule,
  onError: callback,
  onReady: callback,
};

/** @throws {CacheError} `INVALID_OPTIONS`. The target and the form of the namespace are checked elsewhere. */
export function checkRedisStoreOptions(options: RedisStoreOptions): void {
  checkOptions('createRedisStore', options, rules);
}
