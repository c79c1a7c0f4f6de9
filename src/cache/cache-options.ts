import type { CacheLog } from './events/cache-log.ts';
import {
  bytesRule,
  checkOptions,
  clockRule,
  deadlineRule,
  hasMethods,
  isFunction,
  type OptionRule,
} from './base/check-options.ts';
import type { Clock } from './base/clock.ts';
import type { Store } from './store/store.ts';

/** What a cache is made with. */
export interface CacheOptions {
  store: Store;
  clock?: Clock;
  /** The deadline of one round trip to the store, 100 ms unless told otherwise. */
  deadlineMs?: number;
  /**
   * The tags that loads may touch beyond those that their policies name, such as the tables of a database; asked for at each
   * fetch of a field that has not been loaded yet. Of more than 64 none are expected: what a load touches is then stored
   * from the second load of its field on.
   */
  knownTags?: () => readonly string[];
  /** From 0 to 1, as `Math.random`, which it is unless told otherwise. */
  random?: () => number;
  /**
   * The bytes of the memory tier: values of the store, kept in this process and frozen, so that a hit needs no round trip.
   * Where another process invalidates, a read may give what was valid up to 500 ms before it began, unless its policy
   * is strict. 0, which it is unless told otherwise: none. A store of one process, in memory already, has none in front.
   */
  memoryBytesMax?: number;
  /**
   * Where the cache warns of what its user should know: values that are not stored and why, faults of the store. A logger such
   * as `pino`'s, or false for none. Default: `console.warn`. At most one line a minute is written of each kind.
   */
  log?: CacheLog | false;
}

const storeMethods = [
  ...['read', 'confirm', 'tokens', 'capture', 'write', 'acquire', 'fill', 'renew', 'release', 'dropTokens'],
  ...['clear', 'usage', 'ping', 'close'],
];

const rules: Readonly<Record<keyof CacheOptions, OptionRule>> = {
  store: {
    must: 'a store, which createMemoryStore() and await createRedisStore() return',
    isRight: (value) => hasMethods(value, storeMethods),
    isRequired: true,
  },
  clock: clockRule,
  deadlineMs: deadlineRule,
  knownTags: { must: 'a function that returns a list of tags', isRight: isFunction },
  random: { must: 'a function that returns a number from 0 to 1', isRight: isFunction },
  memoryBytesMax: bytesRule,
  log: {
    must: 'a logger with warn(fields, message), or false',
    isRight: (value) => value === false || hasMethods(value, ['warn']),
  },
};

/** @throws {CacheError} `INVALID_OPTIONS` */
export function checkCacheOptions(options: CacheOptions): void {
  checkOptions('createCache', options, rules);
}
