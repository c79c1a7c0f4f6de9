import type { CacheEvent, CacheListener } from './events.ts';

/** The listeners of a cache. None of them can break a request. */
export class Listeners {
  readonly #all = new Set<CacheListener>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Adds a listener; the returned function removes it. */
  add(listener: CacheListener): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(event: CacheEvent): void {
    for (const listener of this.#all) this.call(listener, event);
  }

  /** Calls a function of the cache's user. What it throws, or rejects with, is reported and fails no request. */
  call<T>(listener: (heard: T) => unknown, heard: T): void {
    try {
      const result = listener(heard);
      if (result instanceof Promise) result.catch(this.#onFault);
    } catch (error) {
      this.#onFault(error);
    }
  }
}
