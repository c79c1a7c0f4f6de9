/**
 * A load inside a load. The outer value is made of the inner one, so the outer entry takes over the inner stamps and
 * lives no longer than the inner does; an inner value that is not stored makes the outer one unstorable too.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { CacheError } from './errors.ts';
import type { Stamps } from './tags.ts';

const running = new AsyncLocalStorage<LoadScope>();

export class LoadScope {
  /** The scope of the load that this code runs in, if any. */
  static current(): LoadScope | undefined {
    return running.getStore();
  }

  /** The loads that run, by their keys: a key has several where one was taken off the board. */
  static readonly #runs = new Map<string, Set<LoadScope>>();

  readonly #key: string;
  /** The keys of the fetches that this load waits for. */
  readonly #awaited: string[] = [];
  readonly #stamps: Map<string, string>;
  readonly #ttlMs: number;
  /** When the first of the inner values ends. */
  #endsAtMs = Infinity;
  #refusal: 'token-lost' | 'inner-unstored' | undefined;

  constructor(key: string, { stamps = {}, ttlMs }: { stamps: Stamps | undefined; ttlMs: number }) {
    this.#key = key;
    this.#stamps = new Map(Object.entries(stamps));
    this.#ttlMs = ttlMs;
  }

  async run<T>(load: () => T): Promise<Awaited<T>> {
    const runs = LoadScope.#runs.get(this.#key) ?? new Set();
    LoadScope.#runs.set(this.#key, runs.add(this));
    try {
      return await running.run(this, load);
    } finally {
      runs.delete(this);
      if (runs.size === 0) LoadScope.#runs.delete(this.#key);
    }
  }

  /**
   * Runs a fetch of `key` that this load waits for.
   *
   * @throws {CacheError} `CIRCULAR_LOAD` where the load of `key` waits for this one, be it another request's: both would
   *   wait for ever.
   */
  async fetching<T>(key: string, fetch: () => Promise<T>): Promise<T> {
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

  /** Takes over what an inner value depends on. `stamps` is undefined where the inner value is not stored. */
  join(stamps: Stamps | undefined, endsAtMs: number): void {
    if (stamps === undefined) this.#refusal ??= 'inner-unstored';
    for (const [tag, token] of Object.entries(stamps ?? {})) {
      const captured = this.#stamps.get(tag);
      // Another token than at the start of this load: what was read before the inner value may be older than it.
      if (captured !== undefined && captured !== token) this.#refusal = 'token-lost';
      this.#stamps.set(tag, token);
    }
    this.#endsAtMs = Math.min(this.#endsAtMs, endsAtMs);
  }

  /** What the entry of the finished load stands on, or why there may be none. */
  basis(nowMs: number): { stamps: Stamps; ttlMs: number } | { refusal: 'token-lost' | 'inner-unstored' } {
    if (this.#refusal !== undefined) return { refusal: this.#refusal };
    const ttlMs = Math.max(1, Math.floor(Math.min(this.#ttlMs, this.#endsAtMs - nowMs)));
    return { stamps: Object.fromEntries(this.#stamps), ttlMs };
  }

  /** Whether a load of `key` that runs is this one, or waits for it through others. */
  #isAwaitedBy(key: string, seen = new Set<string>()): boolean {
    if (seen.has(key)) return false;
    seen.add(key);
    const runs = [...(LoadScope.#runs.get(key) ?? [])];
    return runs.some((load) => load === this || load.#awaited.some((next) => this.#isAwaitedBy(next, seen)));
  }
}
