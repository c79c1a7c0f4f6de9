/**
 * Loads that wait for each other. A waits for B where the load of A fetches B and boards its flight; were B to wait for A
 * in turn, through whatever others and be it another request's load, all of them would wait for ever.
 */
import { CacheError } from './errors.ts';

/** The loads that run, by their keys: a key has several where one was taken off the board. */
const running = new Map<string, Set<LoadRun>>();

/** A load that runs, and the fetches that it waits for. */
export class LoadRun {
  readonly #key: string;
  readonly #awaited: string[] = [];

  constructor(key: string) {
    this.#key = key;
  }

  /** Keeps this run on the list while `load` runs. */
  async during<T>(load: () => Promise<T>): Promise<T> {
    const runs = running.get(this.#key) ?? new Set();
    running.set(this.#key, runs.add(this));
    try {
      return await load();
    } finally {
      runs.delete(this);
      if (runs.size === 0) running.delete(this.#key);
    }
  }

  /**
   * Runs a fetch of `key` that this load waits for.
   *
   * @throws {CacheError} `CIRCULAR_LOAD` where the load of `key` waits for this one.
   */
  async waitingFor<T>(key: string, fetch: () => Promise<T>): Promise<T> {
    if (this.#isAwaitedBy(key)) {
      throw new CacheError('CIRCULAR_LOAD', `the load of ${this.#key} fetches ${key}, whose load waits for it`);
    }
    this.#awaited.push(key);
    try {
      return await fetch();
    } finally {
      this.#awaited.splice(this.#awaited.indexOf(key), 1);
    }
  }

  /** Whether a load of `key` that runs is this one, or waits for it through others. */
  #isAwaitedBy(key: string, seen = new Set<string>()): boolean {
    if (seen.has(key)) return false;
    seen.add(key);
    const runs = [...(running.get(key) ?? [])];
    return runs.some((run) => run === this || run.#awaited.some((next) => this.#isAwaitedBy(next, seen)));
  }
}
