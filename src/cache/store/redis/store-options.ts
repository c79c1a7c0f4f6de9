/** The options of `createRedisStore`. */
import { checkOptions, clockRule, deadlineRule, isFunction, type OptionRule } from '../../base/check-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { CacheError } from '../../base/errors.ts';
import type { RedisTarget } from './target.ts';

/** The options of a store on Redis. */
export type RedisStoreOptions = RedisTarget & {
  /** The first part of every key, 1…32 of `a-z 0-9 _ -`. Two programs on one Redis need different ones. */
  readonly namespace: string;
  /**
   * The same as `createCache`'s, which is the deadline for requests: milliseconds above 0, at most 3,600,000. A command is
   * abandoned after twice that. Default: 100.
   */
  readonly deadlineMs?: number;
  /** A monotonic clock. Default: the machine's own. */
  readonly clock?: Clock;
  /**
   * Called with each fault of the connection: `STORE_REFUSED` if the server rejects the password, the user or the database,
   * `STORE_UNAVAILABLE` if it cannot be reached. No message contains a password.
   */
  readonly onError?: (error: CacheError) => void;
  /** Called each time the connection is ready. */
  readonly onReady?: () => void;
};

/** The rules for `address` and `client` depend on each other: see `target.ts`. */
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
