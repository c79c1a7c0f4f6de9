/**
 * Loads that wait for each other. A waits for B where the load of A fetches B and boards its flight; were B to wait for A
 * in turn, through whatever others, be it another request's load or another cache's, all of them would wait for ever.
 */
import { CacheError } from '../base/errors.ts';

/** The loads of one cache that run, by their keys: a key has several where one was taken off the board. */
export type RunningLoads = Map<string, Set<LoadRun>>;

/** What a load is of. Two caches may have equal keys. */
export interface LoadName {
  /** Which cache: it is known by the loads that it runs. */
  readonly cache: RunningLoads;
  readonly key: string;
}

/** A load that runs, and the fetches that it waits for. */
export class LoadRun {
  readonly #name: LoadName;
  readonly #awaited: LoadName[] = [];

  constructor(name: LoadName) {
    this.#name = name;
  }

  /** Keeps this run on the list while `load` runs. */
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
   * @throws {CacheError} `CIRCULAR_LOAD` where the load of `name` waits for this one.
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

  /** Whether a load of `name` that runs is this one, or waits for it through others. */
  #isAwaitedBy({ cache, key }: LoadName, seen = new Set<LoadRun>()): boolean {
    return [...(cache.get(key) ?? [])].some((run) => {
      if (run === this) return true;
      if (seen.has(run)) return false;
      seen.add(run);
      return run.#awaited.some((next) => this.#isAwaitedBy(next, seen));
    });
  }
}
