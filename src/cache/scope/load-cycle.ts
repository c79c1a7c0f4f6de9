/**
 * Detects loads that wait for each other. A waits for B if the load of A fetches B and joins its load. If B waited for A in
 * turn, directly or through other loads, also those of other requests or caches, all of them would wait forever.
 */
import { CacheError } from '../base/errors.ts';

/** The running loads of one cache, by key. A key has several if one of them can no longer be joined. */
export type RunningLoads = Map<string, Set<LoadRun>>;

/** Identifies what is loaded. Two caches may have equal keys. */
export interface LoadName {
  /** Identifies the cache, by its running loads. */
  readonly cache: RunningLoads;
  readonly key: string;
}

/** A running load, and the fetches that it waits for. */
export class LoadRun {
  readonly #name: LoadName;
  readonly #awaited: LoadName[] = [];

  constructor(name: LoadName) {
    this.#name = name;
  }

  /** Lists this load as running while `load` runs. */
  async during<T>(load: () => Promise<T>): Promise<T> {
    const { cache, key } = this.#name;
    const runs = cache.get(key) ?? new Set();
    cache.set(key, runs.add(this));
    try {
      return await load();
    } finally {
      runs.delete(this);
      if (runs.size === 0) cache.delete(key);
    }
  }

  /**
   * Runs a fetch that this load waits for.
   *
   * @throws {CacheError} `CIRCULAR_LOAD` if the load of `name` waits for this one.
   */
  async waitingFor<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    if (this.#isAwaitedBy(name)) {
      throw new CacheError(
        'CIRCULAR_LOAD',
        `the load of ${this.#name.key} fetches ${name.key}, whose load waits for it`,
      );
    }
    this.#awaited.push(name);
    try {
      return await fetch();
    } finally {
      this.#awaited.splice(this.#awaited.indexOf(name), 1);
    }
  }

  /** Whether a running load of `name` is this one, or waits for it through others. */
  #isAwaitedBy({ cache, key }: LoadName, seen = new Set<LoadRun>()): boolean {
    return [...(cache.get(key) ?? [])].some((run) => {
      if (run === this) return true;
      if (seen.has(run)) return false;
      seen.add(run);
      return run.#awaited.some((next) => this.#isAwaitedBy(next, seen));
    });
  }
}
