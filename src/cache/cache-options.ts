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
import { checkCodecs } from './entry/check-codecs.ts';
import type { Codec } from './entry/class-codecs.ts';
import type { Store } from './store/store.ts';
import type { CacheTracer } from './tracing.ts';

/** The options of `createCache`. */
export interface CacheOptions {
  store: Store;
  clock?: Clock;
  /** The deadline of one round trip to the store. Default: 100 ms. */
  deadlineMs?: number;
  /**
   * Returns the tags that loads may touch beyond those that their policies name, such as the tables of a database. Called for
   * each fetch of a field that has not been loaded yet. If it returns more than 64, they are ignored, and the values of a
   * field are stored from its second load on.
   */
  knownTags?: () => readonly string[];
  /** Returns 0…1. Default: `Math.random`. */
  random?: () => number;
  /**
   * The size of the memory tier in bytes: values of the store, kept in this process and frozen, so that a hit needs no round
   * trip. After another process invalidates, a read may return a value that was valid up to 500 ms before the read began,
   * unless its policy is strict. Default: 0, no memory tier. The memory store never has one.
   */
  memoryBytesMax?: number;
  /**
   * How many loads of this process may run at once; the others wait, and hits do not. Default: without limit. With a database, somewhat
   * less than its pool has connections, such as 8 of 10.
   */
  loadsAtOnceMax?: number;
  /**
   * How instances of classes, such as `Decimal`, are stored. If several codecs accept an instance, the first one is used. Default: none; a
   * value that contains an instance is then returned, but not stored.
   */
  codecs?: readonly Codec[];
  /**
   * For policies with `shadow`: for how long after a load with a different value the entry must stay stored and valid before the difference
   * is reported, in milliseconds: above 0, at most 3,600,000. Must be longer than an invalidation takes to follow its change, for example
   * through a change feed. Default: 3,000.
   */
  shadowGraceMs?: number;
  /**
   * The logger for warnings: values that are not stored, with the reason, and faults of the store; at most one line per minute
   * and kind. A logger with pino's interface, or false for none. Default: `console.warn`.
   */
  log?: CacheLog | false;
  /** Receives what the cache does as spans, such as `openTelemetryTracer()` of `cachepot/opentelemetry`. Default: none. */
  tracer?: CacheTracer;
}

const storeMethods = [
  ...['read', 'confirm', 'tokens', 'capture', 'write', 'acquire', 'fill', 'renew', 'release', 'remove', 'dropTokens'],
  ...['clear', 'getData', 'setData', 'usage', 'ping', 'close'],
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
  loadsAtOnceMax: {
    must: 'a whole number, at least 1',
    isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  },
  codecs: { must: 'a list of { name, test, encode, decode }', isRight: Array.isArray },
  shadowGraceMs: {
    must: 'a number of milliseconds above 0, at most 3600000',
    isRight: (value) => typeof value === 'number' && value > 0 && value <= 3_600_000,
  },
  log: {
    must: 'a logger with warn(fields, message), or false',
    isRight: (value) => value === false || hasMethods(value, ['warn']),
  },
  tracer: {
    must: 'a tracer, such as openTelemetryTracer() returns',
    isRight: (value) => hasMethods(value, ['begin']),
  },
};

/** @throws {CacheError} `INVALID_OPTIONS` */
export function checkCacheOptions(options: CacheOptions): void {
  checkOptions('createCache', options, rules);
  checkCodecs('createCache: codecs', options.codecs ?? []);
}
