/**
 * A store that may be sick, made bearable: a deadline on every round trip, a breaker, and no exception on the way of a
 * request. What fails is an event; the caller sees undefined and carries on as if nothing were cached.
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
  /** The store for one fetch; those of one `request` leave it alone together when it has failed. */
  request(request?: object): RequestStore;
  /** @throws {CacheError} `STORE_UNAVAILABLE`: nobody may believe in an invalidation that did not happen. */
  dropTokens(tags: readonly string[]): Promise<void>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  clear(): Promise<number>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  usage(): Promise<StoreUsage>;
  close(): Promise<void>;
}

/** For how long nothing new is brought to a store that takes nothing. */
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
  const boarding = (): RoundTrip => {
    if (trip?.isBoarding !== true) trip = newTrip();
    return trip;
  };
  const isShut = (): boolean => breaker.isOpen;
  const wasFull = (): boolean => clock.nowMs() - fullAtMs < fullMs;
  const lastFailureMs = new WeakMap<object, number>();
  const requestParts: RequestStoreParts = {
    store,
    boarding,
    isCircuitOpen: isShut,
    wasFull,
    clock,
    deadlineClock,
    deadlineMs,
    emit,
    lastFailureMs,
  };

  const unavailable = (operation: string, cause?: unknown): CacheError =>
    new CacheError('STORE_UNAVAILABLE', `${operation}: the ${store.tier} store could not be reached`, { cause });
  /** Many round trips, each under the deadline of the store's own commands. */
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
    // Tried whatever the breaker says, as is `clear`: who invalidates waits for it anyway.
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
