import { received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';
import type { CacheEvent, CacheListener } from './events.ts';

/** The listeners of a cache. None of them can break a request. */
export class Listeners {
  readonly #all = new Set<CacheListener>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /**
   * Adds a listener; the returned function removes it.
   *
   * @throws {CacheError} `INVALID_OPTIONS` if it is not a function.
   */
  add(listener: CacheListener): () => void {
    if (typeof listener !== 'function')
      throw new CacheError('INVALID_OPTIONS', `on: the listener must be a function, got ${received(listener)}`);
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
