import type { CacheEvent, CacheListener } from './events.ts';

/** Who hears of what a cache does. None of them can break a request. */
export class Listeners {
  readonly #all = new Set<CacheListener>();

  /** The returned function takes it away again. */
  add(listener: CacheListener): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(event: CacheEvent): void {
    for (const listener of this.#all) {
      try {
        listener(event);
      } catch {
        // What a listener throws is its own affair.
      }
    }
  }
}
