/**
 * The keys that were deleted in this process a while ago, so that a load that began before does not store its value. The store ensures that
 * for a load with a lease; this is for those without: a refresh, the loads after a failure, and those whose lease was given late.
 */
import { LRUCache } from 'lru-cache';

/** A load that began before so many later deletions may store its value again. */
const keysMax = 10_000;

export class Deletions {
  readonly #byKey = new LRUCache<string, number>({ max: keysMax });
  #count = 0;

  /** The number of the last deletion. */
  get count(): number {
    return this.#count;
  }

  add(key: string): void {
    this.#count += 1;
    this.#byKey.set(key, this.#count);
  }

  /** Whether the key was deleted after deletion number `count`. */
  isDeletedSince(key: string, count: number): boolean {
    return (this.#byKey.get(key) ?? 0) > count;
  }
}
