import type { CacheError } from '../../base/errors.ts';
import type { ConnectionListener } from '../store.ts';

/** Reports whether a store has a connection, also to listeners that are added after the first attempt. */
export class ConnectionWatch implements ConnectionListener {
  readonly #listeners = new Set<ConnectionListener>();
  #fault: { readonly error: CacheError } | undefined;

  watch(listener: ConnectionListener): void {
    this.#listeners.add(listener);
    if (this.#fault !== undefined) listener.failed(this.#fault.error);
  }

  failed(error: CacheError): void {
    this.#fault = { error };
    for (const listener of this.#listeners) listener.failed(error);
  }

  ready(): void {
    this.#fault = undefined;
    for (const listener of this.#listeners) listener.ready();
  }
}
