/**
 * How long to wait after the load of a key has failed, before the next one, where requests receive an expired value meanwhile: one
 * second, then twice as long each time, half a minute at most.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from './base/clock.ts';

const pauseMsMin = 1_000;
const pauseMsMax = 30_000;
/** A failure that was this long ago does not count: another process may have loaded the value since. */
const forgottenMs = 2 * pauseMsMax;
/** The number of keys whose failures are counted. */
const keysMax = 10_000;

export class LoadFailures {
  readonly #clock: Clock;
  readonly #failures = new LRUCache<string, { readonly count: number; readonly atMs: number }>({ max: keysMax });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a failure, and returns the pause after it, in milliseconds. */
  failed(key: string): number {
    const atMs = this.#clock.nowMs();
    const last = this.#failures.get(key);
    const before = last === undefined || atMs - last.atMs > forgottenMs ? 0 : last.count;
    this.#failures.set(key, { count: before + 1, atMs });
    return Math.min(pauseMsMin * 2 ** before, pauseMsMax);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
