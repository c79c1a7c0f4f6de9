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

  readonly #key: string;
  readonly #outer: LoadScope | undefined;
  readonly #stamps: Map<string, string>;
  #ttlMs: number;
  #refusal: 'token-lost' | 'inner-unstored' | undefined;

  constructor(key: string, { stamps = {}, ttlMs }: { stamps: Stamps | undefined; ttlMs: number }) {
    this.#key = key;
    this.#outer = running.getStore();
    this.#stamps = new Map(Object.entries(stamps));
    this.#ttlMs = ttlMs;
  }

  run<T>(load: () => T): T {
    return running.run(this, load);
  }

  /** Takes over what an inner value depends on. `stamps` is undefined where the inner value is not stored. */
  join(stamps: Stamps | undefined, remainingMs: number): void {
    if (stamps === undefined) this.#refusal ??= 'inner-unstored';
    for (const [tag, token] of Object.entries(stamps ?? {})) {
      const captured = this.#stamps.get(tag);
      // Another token than at the start of this load: what was read before the inner value may be older than it.
      if (captured !== undefined && captured !== token) this.#refusal = 'token-lost';
      this.#stamps.set(tag, token);
    }
    this.#ttlMs = Math.min(this.#ttlMs, remainingMs);
  }

  /** What the entry of the finished load stands on, or why there may be none. */
  basis(): { stamps: Stamps; ttlMs: number } | { refusal: 'token-lost' | 'inner-unstored' } {
    if (this.#refusal !== undefined) return { refusal: this.#refusal };
    return { stamps: Object.fromEntries(this.#stamps), ttlMs: Math.max(1, Math.floor(this.#ttlMs)) };
  }

  /** @throws {CacheError} `CIRCULAR_LOAD` where the load of `key` waits for this very fetch: it would wait for ever. */
  refuseCycle(key: string): void {
    if (this.#key === key) throw new CacheError('CIRCULAR_LOAD', `the load of ${key} fetches ${key} itself`);
    this.#outer?.refuseCycle(key);
  }
}
