/**
 * How long to wait after the load of a key has failed, before the next one, where requests receive an expired value meanwhile: one
 * second, then twice as long each time, half a minute at most.
 */
import { LRUCache } from 'lru-cache';

const pauseMsMin = 1_000;
const pauseMsMax = 30_000;
/** The number of keys whose failures are counted. */
const keysMax = 10_000;

export class LoadFailures {
  readonly #counts = new LRUCache<string, number>({ max: keysMax });

  /** Counts a failure, and returns the pause after it, in milliseconds. */
  failed(key: string): number {
    const before = this.#counts.get(key) ?? 0;
    this.#counts.set(key, before + 1);
    return Math.min(pauseMsMin * 2 ** before, pauseMsMax);
  }

  succeeded(key: string): void {
    this.#counts.delete(key);
  }
}
