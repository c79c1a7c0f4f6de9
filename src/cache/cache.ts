/**
 * Cache-aside over a store: reads by `fetch`, whose way is told in `get-or-load.ts`, and invalidations.
 *
 * A fault of the store is a miss and an event, never an error of the request. A load's rejection passes untouched, and
 * nothing is stored.
 */
import { Background } from './base/background.ts';
import { consoleLog } from './events/cache-log.ts';
import { checkCacheOptions, type CacheOptions } from './cache-options.ts';
import { checkFetch, type FetchOptions } from './fetch-options.ts';
import { received } from './base/check-options.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { EventLog } from './events/event-log.ts';
import type { CacheEvent, CacheListener } from './events/events.ts';
import type { LoadResult } from './outcome.ts';
import { InFlightLoads } from './in-flight.ts';
import { guardStore, type GuardedStore } from './store/guarded-store.ts';
import { KeptUsage } from './store/cached-usage.ts';
import { createKey, isVisibleTo, type Key, type KeyParts } from './entry/key.ts';
import { Leases } from './lease.ts';
import type { RunningLoads } from './scope/load-cycle.ts';
import { Listeners } from './events/listeners.ts';
import type { EntryRef } from './entry/entry-ref.ts';
import { watchInstalledDataLoaders } from './scope/installed-data-loaders.ts';
import { LoadScope } from './scope/load-scope.ts';
import { createMemoryTier, type MemoryTier } from './memory/memory-tier.ts';
import { CacheError } from './base/errors.ts';
import { eventOf, outcomeOf } from './outcome.ts';
import type { Policy } from './policy.ts';
import { GetOrLoad } from './get-or-load.ts';
import { Revalidator, type RevalidatedHit } from './revalidate.ts';
import type { StoreUsage } from './store/store.ts';
import type { Tier } from './events/events.ts';
import { checkTag, checkTags, everythingTag, tagsToDrop } from './tags/tags.ts';
import { TouchedTags } from './tags/touched-tags.ts';

/** A cache over one store, for one namespace. `createCache` makes one. */
export class Cache {
  readonly namespace: string;
  readonly tier: Tier;
  readonly #store: GuardedStore;
  readonly #clock: Clock;
  readonly #loads: InFlightLoads<LoadResult>;
  readonly #getOrLoad: GetOrLoad;
  readonly #revalidator: Revalidator;
  readonly #background = new Background();
  readonly #leases: Leases;
  readonly #memory: MemoryTier | undefined;
  readonly #running: RunningLoads = new Map();
  readonly #listeners = new Listeners((error) => this.#log?.callbackFailed(error));
  readonly #log: EventLog | undefined;
  readonly #usage: KeptUsage;

  constructor(options: CacheOptions) {
    checkCacheOptions(options);
    const { store, clock = systemClock, deadlineMs = 100, random = Math.random } = options;
    const { knownTags = () => [], memoryBytesMax = 0, log = consoleLog() } = options;
    this.#log = log === false ? undefined : new EventLog(log, clock);
    if (this.#log !== undefined) this.on(this.#log.hear);
    this.namespace = store.namespace;
    this.tier = store.tier;
    this.#clock = clock;
    this.#store = guardStore(store, { clock, deadlineMs, emit: this.emit });
    this.#loads = new InFlightLoads(clock);
    const parts = { guarded: this.#store, background: this.#background, clock, emit: this.emit };
    this.#leases = new Leases({ ...parts, random });
    this.#usage = new KeptUsage(() => this.#store.usage(), clock);
    this.#memory = createMemoryTier(store, { bytesMax: memoryBytesMax, clock, emit: this.emit });
    this.#getOrLoad = new GetOrLoad({
      ...parts,
      tier: store.tier,
      leases: this.#leases,
      loads: this.#loads,
      memory: this.#memory,
      running: this.#running,
      touched: new TouchedTags(knownTags, (error) => this.#log?.callbackFailed(error)),
    });
    this.#revalidator = new Revalidator({ ...parts, tier: store.tier, memory: this.#memory });
    this.on(({ type }) => type === 'breaker-closed' && this.#memory?.reset());
    store.watchConnection?.({
      failed: (error) => this.emit({ type: 'connection-failed', error }),
      ready: () => this.emit({ type: 'connection-ready' }),
    });
  }

  /**
   * The value at `key`: from the cache, or loaded and stored.
   *
   * @param policy What `createPolicy` gives; a caller may put other tags in for one call.
   * @returns The value as `load` gives it. Who did not load it himself has a copy, which is frozen where others have it too.
   * @throws Whatever `load` rejects with, unchanged; `CacheError` `INVALID_KEY`, `INVALID_POLICY`, `INVALID_TAG` or
   *   `INVALID_OPTIONS` for what it was called with, and `CIRCULAR_LOAD` where the load of
   *   this key fetches it again. A fault of the store never throws; see the event `store-failed`.
   */
  async fetch<T>(key: Key, policy: Policy, load: () => T | Promise<T>, options: FetchOptions = {}): Promise<T> {
    checkFetch(key, policy, load, options);
    for (const tag of policy.tags) checkTag(key.field, tag);
    const outer = LoadScope.current();
    outer?.dependsOnRequest((own) => isVisibleTo(own, key), { refusal: 'viewer-dependent', what: key.field });
    const startedMs = this.#clock.nowMs();
    const { mode = 'use', request, dependsOn, isAborted = outer?.isAborted } = options;
    const asked = { key, policy, load, dependsOn, isAborted, mode, request };
    const answering = (): ReturnType<GetOrLoad['answer']> => this.#getOrLoad.answer(asked, startedMs);
    const name = { cache: this.#running, key: key.text };
    const given = outer === undefined ? answering() : outer.fetching(name, async () => await answering());
    const answer = given instanceof Promise ? await given : given;
    const nowMs = this.#clock.nowMs();
    outer?.join(name, answer.stamps, nowMs + answer.ttlMs);
    const durationMs = nowMs - startedMs;
    this.emit(eventOf(key, answer, durationMs));
    if (options.report !== undefined) this.#listeners.call(options.report, outcomeOf(key, answer, durationMs));
    return answer.value as T;
  }

  /**
   * Whether what was read before would be read again, for who has kept what he made of it: decided as `fetch` does, by the
   * memory tier or in one round trip to the store.
   *
   * @param held From the outcomes of fetches; not of values that are for one viewer alone, unless it is he who asks.
   * @param request What asks, as in `FetchOptions`.
   * @returns All of them, as hits that the listeners have heard of; undefined where one is to be fetched, and inside of
   *   loads. Without a promise where memory can tell.
   */
  revalidate(
    held: readonly EntryRef[],
    request?: object,
  ): readonly RevalidatedHit[] | undefined | Promise<readonly RevalidatedHit[] | undefined> {
    return this.#revalidator.revalidate(held, request);
  }

  /**
   * The key of a value.
   *
   * @throws {CacheError} `INVALID_KEY` for an argument that has no canonical form, such as an instance of a class.
   */
  key(parts: KeyParts): Key {
    return createKey(this.namespace, parts);
  }

  /**
   * Makes every value void that depends on one of `tags`: `products:42` those of that row and those of the whole table,
   * `products` those of the table and of every row. When this resolves, no read that begins in this process
   * gives a value from before.
   *
   * @throws {CacheError} `INVALID_TAG`. `STORE_UNAVAILABLE`: it may have happened or not, and is to be repeated.
   */
  async invalidate(tags: readonly string[]): Promise<void> {
    checkTags('invalidate', tags);
    if (tags.length === 0) return;
    await this.#drop(tagsToDrop(tags));
    this.emit({ type: 'invalidate', tags });
  }

  /**
   * Makes every value of the namespace void, then removes them.
   *
   * @returns The number of values removed.
   * @throws {CacheError} `STORE_UNAVAILABLE`: it may have happened or not, and is to be repeated.
   */
  async flush(): Promise<number> {
    await this.#drop([everythingTag]);
    const keysRemoved = await this.#store.clear();
    this.#usage.forget();
    this.emit({ type: 'flush', keysRemoved });
    return keysRemoved;
  }

  /**
   * How much the store holds. Counting walks through the whole store, so an answer is kept for two seconds.
   *
   * @throws {CacheError} `STORE_UNAVAILABLE`.
   */
  usage(): Promise<StoreUsage> {
    return this.#usage.get();
  }

  /** Calls `listener` with all that the cache does; the returned function ends that. */
  on(listener: CacheListener): () => void {
    if (typeof listener !== 'function') {
      throw new CacheError('INVALID_OPTIONS', `on: the listener must be a function, got ${received(listener)}`);
    }
    return this.#listeners.add(listener);
  }

  /** Says that a field is left uncached: what a load around it makes of its value is then not stored either. */
  uncached(field: string, error: unknown): void {
    LoadScope.current()?.join({ cache: this.#running, key: field }, undefined, Infinity);
    this.emit({ type: 'uncached', field, error });
  }

  /** Tells the listeners. */
  readonly emit = (event: CacheEvent): void => this.#listeners.tell(event);

  /** The memory tier: whether it answers, and about how many bytes it takes. Undefined where there is none. */
  get memory(): { readonly isCoherent: boolean; readonly bytes: number } | undefined {
    return this.#memory;
  }

  /** Lets go of the store. Loads that run end, and are not stored; nobody elsewhere waits for them. */
  async close(): Promise<void> {
    await this.#leases.close();
    await this.#background.drain();
    this.#memory?.close();
    this.#log?.close();
    await this.#store.close();
  }

  async #drop(tags: readonly string[]): Promise<void> {
    try {
      await this.#store.dropTokens(tags);
    } catch (error) {
      // The tokens may stand: then what runs would be stored as if nothing had changed, and waited for.
      this.#background.run(this.#leases.endAll());
      throw error;
    } finally {
      this.#memory?.forget(tags);
      this.#loads.clear();
      this.#revalidator.reset();
    }
  }
}

/**
 * A cache over `store`, for its namespace. Makes the copies of DataLoader that it finds correct inside of loads, see
 * `watchDataLoader`.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, naming the option, what it must be and what it is.
 */
export function createCache(options: CacheOptions): Cache {
  watchInstalledDataLoaders();
  return new Cache(options);
}
