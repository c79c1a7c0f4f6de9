/**
 * How long to wait after a load has failed, before the next one, where no request needs it: requests receive an expired value
 * meanwhile, or it would only be compared. One second, then twice as long each time, half a minute at most.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from './base/clock.ts';

const pauseMsMin = 1_000;
const pauseMsMax = 30_000;
/** A failure that was this long ago does not count: another process may have loaded the value since. */
const forgottenMs = 2 * pauseMsMax;
/** The number of keys, or fields, whose failures are counted. */
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
    return pauseMsAfter(before + 1);
  }

  /** Whether the pause after the last failure is not over. */
  isPaused(key: string): boolean {
    const last = this.#failures.get(key);
    return last !== undefined && this.#clock.nowMs() - last.atMs < pauseMsAfter(last.count);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}

function pauseMsAfter(count: number): number {
  return Math.min(pauseMsMin * 2 ** (count - 1), pauseMsMax);
}
