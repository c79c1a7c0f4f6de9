/**
 * Protects requests from a faulty store: a deadline on every round trip, a circuit breaker, and no exceptions. A fault is an
 * event; the caller receives undefined and continues as if nothing were cached.
 *
 * Three parts: `round-trip.ts` is one round trip with its deadline, `request-store.ts` is the store as one request sees it, and
 * this file joins them to the store and its circuit breaker.
 */
import { CircuitBreaker } from './circuit-breaker.ts';
import type { Clock } from '../base/clock.ts';
import { CacheError, isFull, isRefusal } from '../base/errors.ts';
import type { EmitEvent } from '../events/events.ts';
import { RequestStore, type RequestStoreParts } from './request-store.ts';
import { ResponsiveClock } from './responsive-clock.ts';
import { RoundTrip } from './round-trip.ts';
import type { Store, StoreUsage } from './store.ts';

/** For how long a full store is sent no new values. */
const fullMs = 1_000;

interface Guard {
  readonly clock: Clock;
  /** The deadline of a round trip. */
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
}

/** A store behind its deadline and its circuit breaker. */
export class GuardedStore {
  readonly #store: Store;
  readonly #breaker: CircuitBreaker;
  readonly #guard: Guard & { readonly deadlineClock: ResponsiveClock };
  readonly #requestParts: RequestStoreParts;
  #trip: RoundTrip | undefined;
  #fullAtMs = -Infinity;

  constructor(store: Store, { clock, deadlineMs, emit }: Guard) {
    this.#store = store;
    const deadlineClock = new ResponsiveClock(clock);
    this.#guard = { clock, deadlineMs, emit, deadlineClock };
    const ping = (): Promise<void> =>
      new RoundTrip({ clock: deadlineClock, deadlineMs, onFault: () => {}, onEnd: () => {} }).add('ping', store.ping());
    this.#breaker = new CircuitBreaker({ ping, clock, emit });
    this.#requestParts = {
      ...{ store, clock, deadlineClock, deadlineMs, emit },
      currentTrip: () => this.#currentTrip(),
      isCircuitOpen: () => this.#breaker.isOpen,
      wasFull: () => clock.nowMs() - this.#fullAtMs < fullMs,
      lastFailureMs: new WeakMap(),
    };
  }

  /** The store for one fetch. After one fetch of a `request` has failed, all of them bypass the store. */
  request(request: object = {}): RequestStore {
    return new RequestStore(this.#requestParts, request);
  }

  /**
   * Tried even while the circuit is open, as is `clear`: the caller waits for it anyway.
   *
   * @throws {CacheError} `STORE_UNAVAILABLE`: the caller must not believe in an invalidation that did not happen.
   */
  async dropTokens(tags: readonly string[]): Promise<void> {
    await this.#newTrip()
      .add('invalidate', this.#store.dropTokens(tags))
      .catch((error: unknown) => {
        throw this.#unavailable('invalidate', error);
      });
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  clear(): Promise<number> {
    return this.#counted('flush', () => this.#store.clear());
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  async usage(): Promise<StoreUsage> {
    if (this.#breaker.isOpen) throw this.#unavailable('usage');
    return await this.#counted('usage', () => this.#store.usage());
  }

  async close(): Promise<void> {
    this.#breaker.stop();
    await this.#store.close();
  }

  #currentTrip(): RoundTrip {
    if (this.#trip?.isOpen !== true) this.#trip = this.#newTrip();
    return this.#trip;
  }

  #newTrip(): RoundTrip {
    return new RoundTrip({
      clock: this.#guard.deadlineClock,
      deadlineMs: this.#guard.deadlineMs,
      onFault: (operation, error) => this.#onFault(operation, error),
      onEnd: (hasFailed) => this.#count(hasFailed),
    });
  }

  /** Several round trips, each under the deadline of the store's own commands. */
  async #counted<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#breaker.succeeded();
      return result;
    } catch (error) {
      this.#onFault(operation, error);
      this.#count(!isRefusal(error));
      throw this.#unavailable(operation, error);
    }
  }

  #onFault(operation: string, error: unknown): void {
    if (isFull(error)) this.#fullAtMs = this.#guard.clock.nowMs();
    this.#guard.emit({ type: 'store-failed', operation, error });
  }

  #count(hasFailed: boolean): void {
    if (hasFailed) this.#breaker.failed();
    else this.#breaker.succeeded();
  }

  #unavailable(operation: string, cause?: unknown): CacheError {
    return new CacheError('STORE_UNAVAILABLE', `${operation}: the ${this.#store.tier} store could not be reached`, {
      cause,
    });
  }
}
