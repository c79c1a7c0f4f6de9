/**
 * A load inside a load. The outer value is made of the inner one, so the outer entry takes over the inner stamps and
 * lives no longer than the inner does; an inner value that is not stored makes the outer one unstorable too. So does one
 * of another cache: its tokens are not in this cache's store, so what makes it void would leave the outer one standing.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { WriteRefusal } from './events.ts';
import { LoadRun, type LoadName } from './load-circle.ts';
import type { Stamps } from './tags.ts';

const running = new AsyncLocalStorage<LoadScope>();

/** Why what a load has fetched keeps its own value from being stored. */
export type ScopeRefusal = Exclude<WriteRefusal, 'unencodable' | 'too-large' | 'lease-lost'>;

export class LoadScope {
  /** The scope of the load that this code runs in, if any. */
  static current(): LoadScope | undefined {
    return running.getStore();
  }

  readonly #cache: LoadName['cache'];
  readonly #run: LoadRun;
  readonly #stamps: Map<string, string>;
  readonly #ttlMs: number;
  /** When the first of the inner values ends. */
  #endsAtMs = Infinity;
  #refusal: ScopeRefusal | undefined;

  constructor(name: LoadName, { stamps = {}, ttlMs }: { stamps: Stamps | undefined; ttlMs: number }) {
    this.#cache = name.cache;
    this.#run = new LoadRun(name);
    this.#stamps = new Map(Object.entries(stamps));
    this.#ttlMs = ttlMs;
  }

  run<T>(load: () => T | Promise<T>): Promise<T> {
    return this.#run.during(async () => await running.run(this, load));
  }

  /**
   * Runs a fetch inside this load.
   *
   * @throws {CacheError} `CIRCULAR_LOAD`, see `load-circle.ts`.
   */
  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    return this.#run.waitingFor(name, fetch);
  }

  /** Takes over what an inner value depends on. `stamps` is undefined where the inner value is not stored. */
  join({ cache }: LoadName, stamps: Stamps | undefined, endsAtMs: number): void {
    if (cache !== this.#cache) {
      this.#refusal ??= 'other-cache';
      return;
    }
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
  basis(nowMs: number): { stamps: Stamps; ttlMs: number } | { refusal: ScopeRefusal } {
    if (this.#refusal !== undefined) return { refusal: this.#refusal };
    const ttlMs = Math.max(1, Math.floor(Math.min(this.#ttlMs, this.#endsAtMs - nowMs)));
    return { stamps: Object.fromEntries(this.#stamps), ttlMs };
  }
}
