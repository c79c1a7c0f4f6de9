/**
 * A store that may be sick, made bearable: a deadline on every call, a breaker, and no exception on the way of a
 * request. What fails is an event; the caller sees undefined and carries on as if nothing were cached.
 */
import { Breaker } from './breaker.ts';
import type { Clock } from './clock.ts';
import { CacheError } from './errors.ts';
import type { EmitEvent } from './events.ts';
import { inOneDeadline, type RequestStore } from './request-store.ts';
import type { Store, StoreUsage } from './store.ts';

export interface GuardedStore {
  /** The store for one fetch. */
  request(): RequestStore;
  /** @throws {CacheError} `STORE_UNAVAILABLE`: nobody may believe in an invalidation that did not happen. */
  dropTokens(tags: readonly string[]): Promise<void>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  clear(): Promise<number>;
  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  usage(): Promise<StoreUsage>;
  close(): Promise<void>;
}

/** @param options.deadlineMs The deadline of a call that is one round trip. */
export function guardStore(
  store: Store,
  { clock, deadlineMs, emit }: { clock: Clock; deadlineMs: number; emit: EmitEvent },
): GuardedStore {
  const inTime = <T>(operation: string, call: Promise<T>): Promise<T> =>
    bounded(call, { clock, deadlineMs, operation });
  const breaker = new Breaker({ ping: () => inTime('ping', store.ping()), clock, emit });

  const unavailable = (operation: string, cause?: unknown): CacheError =>
    new CacheError('STORE_UNAVAILABLE', `${operation}: the ${store.tier} store could not be reached`, { cause });
  const watched = async <T>(operation: string, call: () => Promise<T>): Promise<T> => {
    try {
      const result = await call();
      breaker.succeeded();
      return result;
    } catch (error) {
      emit({ type: 'store-failed', operation, error });
      // A store that says no, being full or read-only, is there, and may have the value that is read next.
      if (error instanceof CacheError && error.code === 'STORE_REFUSED') breaker.succeeded();
      else breaker.failed();
      throw error;
    }
  };
  const attempt = async <T>(operation: string, call: () => Promise<T>): Promise<T | undefined> =>
    breaker.isOpen ? undefined : await watched(operation, call).catch(() => undefined);
  /** Tried whatever the breaker says: who invalidates waits for it anyway. */
  const insist = async <T>(operation: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await watched(operation, call);
    } catch (cause) {
      throw unavailable(operation, cause);
    }
  };

  const guarded = <T>(operation: string, call: () => Promise<T>): Promise<T | undefined> =>
    attempt(operation, () => inTime(operation, call()));
  const calls: RequestStore = {
    read: (key, tags) => guarded('read', () => store.read(key, tags)),
    tokens: (tags) => guarded('tokens', () => store.tokens(tags)),
    capture: (tags) => guarded('capture', () => store.capture(tags)),
    write: (key, write) => guarded('write', () => store.write(key, write)),
    acquire: (key, request) => guarded('acquire', () => store.acquire(key, request)),
    fill: (key, write) => guarded('fill', () => store.fill(key, write)),
    renew: (key, renewal) => guarded('renew', () => store.renew(key, renewal)),
    release: (key, end) => guarded('release', () => store.release(key, end)),
  };

  return {
    request: () => inOneDeadline(calls, { clock, deadlineMs, emit }),
    dropTokens: (tags) => insist('invalidate', () => inTime('invalidate', store.dropTokens(tags))),
    // Many round trips, each under the deadline of the store's own commands.
    clear: () => insist('flush', () => store.clear()),
    async usage() {
      const usage = await attempt('usage', () => store.usage());
      if (usage === undefined) throw unavailable('usage');
      return usage;
    },
    async close() {
      breaker.stop();
      await store.close();
    },
  };
}

function bounded<T>(
  call: Promise<T>,
  { clock, deadlineMs, operation }: { clock: Clock; deadlineMs: number; operation: string },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadlineMs, () => {
      reject(new CacheError('STORE_UNAVAILABLE', `${operation}: no answer within ${deadlineMs} ms`));
    });
    call.finally(cancel).then(resolve, reject);
  });
}
