/**
 * Cache-aside over a store: `fetch` reads (its path is in `get-or-load.ts`), `invalidate` and `flush` invalidate.
 *
 * A fault of the store is a miss and an event, never an error of the request. If a load rejects, the rejection is passed on
 * unchanged and nothing is stored.
 */
import { Background } from './base/background.ts';
import { createBulkhead } from './bulkhead.ts';
import { BackgroundLoads } from './background-loads.ts';
import { consoleLog } from './events/cache-log.ts';
import { checkCacheOptions, type CacheOptions } from './cache-options.ts';
import { checkFetch, type FetchOptions } from './fetch-options.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { EventLog } from './events/event-log.ts';
import type { CacheEvent, CacheListener, Tier } from './events/events.ts';
import { eventOf, type LoadResult, outcomeOf } from './outcome.ts';
import { PendingInvalidations, type InvalidationScope } from './pending-invalidations.ts';
import { InFlightLoads } from './in-flight.ts';
import { Invalidator } from './invalidator.ts';
import { RecentReads } from './recent-reads.ts';
import { Refills } from './refills.ts';
import { Refresher } from './refresher.ts';
import { GuardedStore } from './store/guarded-store.ts';
import { CachedUsage } from './store/cached-usage.ts';
import { createKey, isVisibleTo, type Key, type KeyParts } from './entry/key.ts';
import { Leases } from './lease.ts';
import { LoadFailures } from './load-failures.ts';
import type { RunningLoads } from './scope/load-cycle.ts';
import { Listeners } from './events/listeners.ts';
import type { EntryRef } from './entry/entry.ts';
import { LoadScope } from './scope/load-scope.ts';
import { createMemoryTier, type MemoryTier } from './memory/memory-tier.ts';
import type { Policy } from './policy.ts';
import { GetOrLoad } from './get-or-load.ts';
import { Revalidator, type RevalidatedHit } from './revalidate.ts';
import type { StoreUsage } from './store/store.ts';
import type { StoredData } from './store/stored-data.ts';
import { checkTags } from './tags/tags.ts';
import { TouchedTags } from './tags/touched-tags.ts';

/** A cache over one store, for one namespace. `createCache` makes one. */
export class Cache {
  readonly namespace: string;
  readonly tier: Tier;
  readonly #store: GuardedStore;
  readonly #clock: Clock;
  readonly #getOrLoad: GetOrLoad;
  readonly #revalidator: Revalidator;
  readonly #background = new Background();
  readonly #leases: Leases;
  readonly #memory: MemoryTier | undefined;
  readonly #running: RunningLoads = new Map();
  readonly #listeners = new Listeners((error) => this.#log?.callbackFailed(error));
  readonly #log: EventLog | undefined;
  readonly #usage: CachedUsage;
  readonly #pending: PendingInvalidations;
  readonly #invalidator: Invalidator;
  readonly #reads: RecentReads;
  readonly #backgroundLoads: BackgroundLoads;
  readonly #refills: Refills;

  constructor(options: CacheOptions) {
    checkCacheOptions(options);
    const { store, clock = systemClock, deadlineMs = 100, random = Math.random } = options;
    const { knownTags = () => [], memoryBytesMax = 0, loadsAtOnceMax, log = consoleLog() } = options;
    this.#log = log === false ? undefined : new EventLog(log, clock);
    if (this.#log !== undefined) this.on(this.#log.onEvent);
    this.namespace = store.namespace;
    this.tier = store.tier;
    this.#clock = clock;
    const { emit } = this;
    this.#store = new GuardedStore(store, { clock, deadlineMs, emit });
    const loads = new InFlightLoads<LoadResult>(clock);
    const parts = { guarded: this.#store, background: this.#background, clock, emit };
    this.#leases = new Leases({ ...parts, random });
    this.#reads = new RecentReads(clock);
    this.#usage = new CachedUsage(() => this.#store.usage(), clock);
    const onChanged = (tags: readonly string[]): void => this.#refills.changed(tags);
    this.#memory = createMemoryTier(store, { bytesMax: memoryBytesMax, clock, emit, onChanged });
    const shared = { ...parts, tier: store.tier, leases: this.#leases, loads, memory: this.#memory };
    const touched = new TouchedTags(knownTags, (error) => this.#log?.callbackFailed(error));
    const limits = { failures: new LoadFailures(), bulkhead: createBulkhead(loadsAtOnceMax) };
    const loading = { ...shared, ...limits, running: this.#running, touched };
    this.#backgroundLoads = new BackgroundLoads({ ...loading, onEnd: () => this.#refills.runWaiting() });
    this.#refills = new Refills({ reads: this.#reads, loads: this.#backgroundLoads, emit });
    const refresher = new Refresher({ loads: this.#backgroundLoads, random });
    this.#getOrLoad = new GetOrLoad({ ...loading, refresher });
    this.#revalidator = new Revalidator({ ...shared, refresher });
    this.#invalidator = new Invalidator({ ...shared, revalidator: this.#revalidator, refills: this.#refills });
    const { invalidate } = this.#invalidator;
    const onPending = (isPending: boolean): void => this.#store.suspend(this.#pending, isPending);
    this.#pending = new PendingInvalidations({ invalidate, onPending, clock, emit });
    this.on(({ type }) => type === 'breaker-closed' && this.#memory?.reset());
    store.watchConnection?.({
      failed: (error) => emit({ type: 'connection-failed', error }),
      ready: () => emit({ type: 'connection-ready' }),
    });
  }

  /**
   * Returns the value at `key`: from the cache, or loaded and stored.
   *
   * @param policy From `createPolicy`; `tags` may be replaced for one call.
   * @returns The value that `load` returns. Callers that did not run the load receive a copy, frozen if it is shared.
   * @throws Whatever `load` rejects with, unchanged; `CacheError` `INVALID_KEY`, `INVALID_POLICY`, `INVALID_TAG` or
   *   `INVALID_OPTIONS` for invalid arguments, `CIRCULAR_LOAD` if the load of this key fetches the same key, and `LOAD_TIMEOUT` if it takes
   *   longer than `policy.timeoutMs`. A fault of the store never throws; see the event `store-failed`.
   */
  async fetch<T>(key: Key, policy: Policy, load: () => T | Promise<T>, options: FetchOptions = {}): Promise<T> {
    checkFetch(key, policy, load, options);
    const outer = LoadScope.current();
    outer?.dependsOnRequest((own) => isVisibleTo(own, key), { refusal: 'viewer-dependent', what: key.field });
    const startedMs = this.#clock.nowMs();
    const { mode = 'use', request, dependsOn, isAborted = outer?.isAborted, reload = load } = options;
    const fetchRequest = { key, policy, load, reload, dependsOn, isAborted, mode, request };
    const getOrLoad = (): ReturnType<GetOrLoad['answer']> => this.#getOrLoad.answer(fetchRequest, startedMs);
    const name = { cache: this.#running, key: key.text };
    const pending = outer === undefined ? getOrLoad() : outer.fetching(name, async () => await getOrLoad());
    const answer = pending instanceof Promise ? await pending : pending;
    const nowMs = this.#clock.nowMs();
    outer?.join(name, answer.stamps, nowMs + answer.ttlMs);
    if (policy.isRefilled === true) this.#reads.note(fetchRequest, answer.stamps);
    const durationMs = nowMs - startedMs;
    this.emit(eventOf(key, answer, durationMs));
    if (options.report !== undefined)
      this.#listeners.call(options.report, outcomeOf(key, answer, { startedMs, durationMs }));
    return answer.value as T;
  }

  /**
   * Checks that entries read earlier are still valid, without reading their values, for callers that cached something
   * derived from them. Uses the memory tier or one round trip to the store, as `fetch` does.
   *
   * @param entryRefs From the outcomes of fetches. The entries of a private value may be passed for its own viewer only.
   * @param request The request on whose behalf this is asked, as in `FetchOptions`.
   * @returns One hit per entry, in order, which listeners receive as `hit` events too. Undefined if one of the values has to
   *   be fetched, and inside loads. No promise if the memory tier can answer.
   */
  revalidate(
    entryRefs: readonly EntryRef[],
    request?: object,
  ): readonly RevalidatedHit[] | undefined | Promise<readonly RevalidatedHit[] | undefined> {
    if (this.#reads.size > 0) for (const { key } of entryRefs) this.#reads.readAgain(key);
    return this.#revalidator.revalidate(entryRefs, request);
  }

  /**
   * Returns the key of a value.
   *
   * @throws {CacheError} `INVALID_KEY` for an argument without a canonical form, such as an instance of a class.
   */
  key(parts: KeyParts): Key {
    return createKey(this.namespace, parts);
  }

  /**
   * Invalidates every value that depends on one of these tags, or every value. `products:42` covers the values of that row and
   * of the whole table, `products` those of the table and of every row. After the returned promise has resolved, no read that
   * begins in this process returns an older value; other processes lag by at most 500 ms. `isFed`: see the event.
   *
   * @throws {CacheError} `INVALID_TAG`; `STORE_UNAVAILABLE` if it is not known whether the values were invalidated: repeat
   *   the call.
   */
  async invalidate(scope: InvalidationScope, { isFed = false }: { isFed?: boolean } = {}): Promise<void> {
    if (scope !== 'everything') checkTags('invalidate', scope);
    if (scope.length > 0) await this.#invalidator.invalidate(scope, isFed);
  }

  /**
   * Invalidates what depends on a change that is committed already. It does not reject while the store is unavailable: the
   * invalidation is tried again until it is delivered, and until then this process neither reads from the store nor stores there.
   *
   * @param scope Tags, or `'everything'` if it is not known what has changed.
   * @throws {CacheError} `INVALID_TAG`
   */
  async invalidateCommitted(scope: InvalidationScope): Promise<void> {
    if (scope !== 'everything') checkTags('invalidateCommitted', scope);
    if (scope.length > 0) await this.#pending.deliver(scope);
  }

  /**
   * Invalidates every value of the namespace, then removes them.
   *
   * @returns The number of values removed.
   * @throws {CacheError} `STORE_UNAVAILABLE` if it is not known whether the values were invalidated: repeat the call.
   */
  async flush(): Promise<number> {
    await this.#invalidator.dropAll();
    const keysRemoved = await this.#store.clear();
    this.#usage.forget();
    this.emit({ type: 'flush', keysRemoved });
    return keysRemoved;
  }

  /**
   * Returns how much the store holds. Counting scans the whole store, so the result is cached for two seconds.
   *
   * @throws {CacheError} `STORE_UNAVAILABLE`.
   */
  usage(): Promise<StoreUsage> {
    return this.#usage.get();
  }

  /**
   * Calls `listener` with every event of the cache.
   *
   * @returns A function that removes the listener.
   */
  on(listener: CacheListener): () => void {
    return this.#listeners.add(listener);
  }

  /** While any caller suspends it, this process neither reads from the store nor stores there. Invalidations are delivered. */
  suspend(by: object, isSuspended: boolean): void {
    this.#store.suspend(by, isSuspended);
  }

  /** Reports that a field was resolved without the cache. The value of an enclosing load is then not stored either. */
  uncached(field: string, error: unknown): void {
    LoadScope.current()?.join({ cache: this.#running, key: field }, undefined, Infinity);
    this.emit({ type: 'uncached', field, error });
  }

  /** Texts beside the cache, in the same store. Both methods throw `CacheError` `STORE_UNAVAILABLE`. */
  get data(): StoredData {
    return this.#store.data;
  }

  /** Calls the listeners. */
  readonly emit = (event: CacheEvent): void => this.#listeners.tell(event);

  /** The memory tier: whether it serves values, and its approximate size in bytes. */
  get memory(): { readonly isCoherent: boolean; readonly bytes: number } | undefined {
    return this.#memory;
  }

  /** Closes the store. Running loads finish and are not stored; requests in other processes do not wait for them. */
  async close(): Promise<void> {
    this.#pending.close();
    this.#refills.clear();
    this.#backgroundLoads.close();
    await this.#leases.close();
    await this.#background.drain();
    this.#memory?.close();
    this.#log?.close();
    await this.#store.close();
  }
}
