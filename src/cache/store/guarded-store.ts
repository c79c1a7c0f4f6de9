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

export interface GuardedStore {
  /** The store for one fetch. After one fetch of a `request` has failed, all of them bypass the store. */
  request(request?: object): RequestStore;
  /** @throws {CacheError} `STORE_UNAVAILABLE`: the caller must not believe in an invalidation that did not happen. */
  dropTokens(tags: readonly string[]): Promise<void>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  clear(): Promise<number>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  usage(): Promise<StoreUsage>;
  close(): Promise<void>;
}

/** For how long a full store is sent no new values. */
const fullMs = 1_000;

/** @param options.deadlineMs The deadline of a round trip. */
export function guardStore(
  store: Store,
  { clock, deadlineMs, emit }: { clock: Clock; deadlineMs: number; emit: EmitEvent },
): GuardedStore {
  const deadlineClock = new ResponsiveClock(clock);
  const ping = (): Promise<void> => {
    const trip = new RoundTrip({ clock: deadlineClock, deadlineMs, onFault: () => {}, onEnd: () => {} });
    return trip.add('ping', store.ping());
  };
  const breaker = new CircuitBreaker({ ping, clock, emit });
  let fullAtMs = -Infinity;
  const onFault = (operation: string, error: unknown): void => {
    if (isFull(error)) fullAtMs = clock.nowMs();
    emit({ type: 'store-failed', operation, error });
  };
  const count = (hasFailed: boolean): void => (hasFailed ? breaker.failed() : breaker.succeeded());
  const newTrip = (): RoundTrip => new RoundTrip({ clock: deadlineClock, deadlineMs, onFault, onEnd: count });

  let trip: RoundTrip | undefined;
  const currentTrip = (): RoundTrip => {
    if (trip?.isOpen !== true) trip = newTrip();
    return trip;
  };
  const isCircuitOpen = (): boolean => breaker.isOpen;
  const wasFull = (): boolean => clock.nowMs() - fullAtMs < fullMs;
  const lastFailureMs = new WeakMap<object, number>();
  const requestParts: RequestStoreParts = {
    store,
    currentTrip,
    isCircuitOpen,
    wasFull,
    clock,
    deadlineClock,
    deadlineMs,
    emit,
    lastFailureMs,
  };

  const unavailable = (operation: string, cause?: unknown): CacheError =>
    new CacheError('STORE_UNAVAILABLE', `${operation}: the ${store.tier} store could not be reached`, { cause });
  /** Several round trips, each under the deadline of the store's own commands. */
  const counted = async <T>(operation: string, call: () => Promise<T>): Promise<T> => {
    try {
      const result = await call();
      breaker.succeeded();
      return result;
    } catch (error) {
      onFault(operation, error);
      count(!isRefusal(error));
      throw unavailable(operation, error);
    }
  };

  return {
    request: (request = {}) => new RequestStore(requestParts, request),
    // Tried even while the circuit is open, as is `clear`: the caller waits for it anyway.
    async dropTokens(tags) {
      await newTrip()
        .add('invalidate', store.dropTokens(tags))
        .catch((error: unknown) => {
          throw unavailable('invalidate', error);
        });
    },
    clear: () => counted('flush', () => store.clear()),
    async usage() {
      if (breaker.isOpen) throw unavailable('usage');
      return await counted('usage', () => store.usage());
    },
    async close() {
      breaker.stop();
      await store.close();
    },
  };
}
