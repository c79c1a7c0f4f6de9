/**
 * Protects requests from a faulty store: a deadline, a circuit breaker, and no exceptions. A fault is an event; the caller
 * receives undefined and continues as if nothing were cached.
 * Fetches call the store through a `FetchStore`.
 */
import { CacheError } from '../base/errors.ts';
import { FetchStore, type Guard } from './fetch-store.ts';
import { RoundTrips } from './round-trip.ts';
import type { PropertyReplacement, Store, StoreUsage } from './store.ts';
import type { StoredData } from './stored-data.ts';

const circuitOpen = new CacheError('STORE_UNAVAILABLE', 'the circuit is open');

export class GuardedStore {
  readonly #guard: Guard;

  constructor(store: Store, parts: Pick<Guard, 'clock' | 'deadlineMs' | 'emit'>) {
    const trips = new RoundTrips({ ...parts, ping: () => store.ping() });
    this.#guard = { ...parts, store, trips, suspendedBy: new Set(), lastFailureMs: new WeakMap() };
  }

  /** Whether fetches bypass the store from now on, although it may be available: until every caller that wants it has ended it. */
  readonly suspend = (by: object, isSuspended: boolean): void => {
    if (isSuspended) this.#guard.suspendedBy.add(by);
    else this.#guard.suspendedBy.delete(by);
  };

  /** The store for one fetch. After one fetch of a `request` has failed, all of them bypass the store. */
  forFetch(request: object = {}): FetchStore {
    return new FetchStore(this.#guard, request);
  }

  /**
   * Tried even while the circuit is open, as is `clear`: the caller waits for it anyway.
   *
   * @throws {CacheError} `STORE_UNAVAILABLE`: the caller must not believe in an invalidation that did not happen.
   */
  dropTokens(tags: readonly string[]): Promise<void> {
    const { store, trips } = this.#guard;
    return this.#orThrow('invalidate', () => trips.start().add('invalidate', () => store.dropTokens(tags)));
  }

  /** Whether the store replies now. */
  async isAvailable(): Promise<boolean> {
    const { store, trips } = this.#guard;
    try {
      await trips.start().add('ping', () => store.ping());
      return true;
    } catch {
      return false;
    }
  }

  /** Tried even while the circuit is open. @throws {CacheError} `STORE_UNAVAILABLE` */
  remove(keys: readonly string[]): Promise<number> {
    const { store, trips } = this.#guard;
    return this.#orThrow('delete', () => trips.start().add('delete', () => store.remove(keys)));
  }

  /** False also if it is not known whether it was replaced. */
  async replaceProperty(key: string, replacement: PropertyReplacement): Promise<boolean> {
    const { store, trips } = this.#guard;
    const replace = async (): Promise<boolean> => (await store.replaceProperty?.(key, replacement)) ?? false;
    return await this.#orThrow('replace', () => trips.start().add('replace', replace)).catch(() => false);
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  clear(): Promise<number> {
    const { store, trips } = this.#guard;
    return this.#orThrow('flush', () => trips.counted('flush', () => store.clear()));
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  usage(): Promise<StoreUsage> {
    const { store, trips } = this.#guard;
    return this.#orThrow('usage', () => {
      if (trips.isCircuitOpen) throw circuitOpen;
      return trips.counted('usage', () => store.usage());
    });
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE`, from both methods. */
  readonly data: StoredData = {
    get: (name) => this.#dataCall((store) => store.getData(name)),
    set: (name, text) => this.#dataCall((store) => store.setData(name, text)),
  };

  async close(): Promise<void> {
    this.#guard.trips.stop();
    await this.#guard.store.close();
  }

  #dataCall<T>(call: (store: Store) => Promise<T>): Promise<T> {
    const { store, trips } = this.#guard;
    return this.#orThrow('data', () => trips.start().add('data', () => call(store)));
  }

  async #orThrow<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      const message = `${operation}: the ${this.#guard.store.tier} store could not be reached`;
      throw new CacheError('STORE_UNAVAILABLE', message, { cause });
    }
  }
}
