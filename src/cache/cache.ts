/**
 * Cache-aside over a store: `fetch` reads (`fetches.ts`), `invalidate`, `delete` and `flush` remove, `warm` fills.
 *
 * A fault of the store is a miss and an event, never an error of the request. If a load rejects, the rejection is passed on
 * unchanged and nothing is stored.
 */
import { systemClock } from './base/clock.ts';
import { checkCacheOptions, type CacheOptions } from './cache-options.ts';
import { createParts, type CacheParts } from './cache-parts.ts';
import type { EntryRef } from './entry/entry.ts';
import { createKey, type Key, type KeyParts } from './entry/key.ts';
import { consoleLog } from './events/cache-log.ts';
import { EventLog } from './events/event-log.ts';
import type { CacheEvent, CacheListener, Tier } from './events/events.ts';
import { Listeners } from './events/listeners.ts';
import type { ArgumentDefaults, ValueOf } from './deleter.ts';
import type { StoredValueOf } from './property-replacer.ts';
import type { FetchOptions, Only } from './fetch-options.ts';
import { Fetches } from './fetches.ts';
import type { MemoryTierState } from './memory/memory-tier.ts';
import type { InvalidationScope } from './pending-invalidations.ts';
import type { Policy } from './policy.ts';
import type { RevalidatedHit } from './revalidate.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { StoreUsage } from './store/store.ts';
import type { StoredData } from './store/stored-data.ts';
import { checkTags } from './tags/tags.ts';
import type { WarmUpOptions, WarmUpResult, WarmUpTask } from './warm-up.ts';

/** A cache over one store, for one namespace. `createCache` makes one. */
export class Cache {
  readonly namespace: string;
  readonly tier: Tier;
  readonly #parts: CacheParts;
  readonly #fetches: Fetches;
  readonly #listeners = new Listeners((error) => this.#log?.callbackFailed(error));
  readonly #log: EventLog | undefined;

  constructor(options: CacheOptions) {
    checkCacheOptions(options);
    const { emit } = this;
    const { store, clock = systemClock, log = consoleLog() } = options;
    this.namespace = store.namespace;
    this.tier = store.tier;
    this.#log = log === false ? undefined : new EventLog(log, clock);
    if (this.#log !== undefined) this.on(this.#log.onEvent);
    this.#parts = createParts(options, { emit, callbackFailed: (error) => this.#log?.callbackFailed(error) });
    this.#fetches = new Fetches(this.#parts, { emit, listeners: this.#listeners });
    const { memory } = this.#parts;
    this.on(({ type }) => type === 'breaker-closed' && memory?.reset());
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
  fetch<T, const K extends string = string>(
    key: Key,
    policy: Policy,
    load: () => T | Promise<T>,
    options: FetchOptions<K> = {},
  ): Promise<Only<T, K>> {
    return this.#fetches.fetch(key, policy, { load, options });
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
    if (this.#parts.reads.size > 0) for (const { key } of entryRefs) this.#parts.reads.readAgain(key);
    return this.#parts.revalidator.revalidate(entryRefs, request);
  }

  /**
   * Returns the key of a value.
   *
   * @throws {CacheError} `INVALID_KEY` for an argument without a canonical form, such as an instance of a class without a codec.
   */
  key(parts: KeyParts): Key {
    return createKey(this.namespace, parts, this.#parts.codecs);
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
    if (scope.length > 0) await this.#parts.invalidator.invalidate(scope, isFed);
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
    if (scope.length > 0) await this.#parts.pending.deliver(scope);
  }

  /**
   * Removes the value of one field with these arguments, from all processes. Values that were loaded from it stay: `invalidate` their tags
   * instead. After the returned promise has resolved, no read that begins in this process returns it; other processes lag by at most 500 ms.
   *
   * @param field `Query.product`, or the `field` of `cache.key`.
   * @param args As the resolver receives them; defaults of arguments may be left out.
   * @param of The parent's id, the viewer and the variation, for a value that has them. Not for fields with `selection`, which have a value for
   *   each selection.
   * @returns The number of values removed: 0 if there was none, more than 1 if this process serves several schemas with this field.
   * @throws {CacheError} `INVALID_KEY`; `STORE_UNAVAILABLE` if it is not known whether it was removed: repeat the call.
   */
  async delete(field: string, args: Readonly<Record<string, unknown>> = {}, of: ValueOf = {}): Promise<number> {
    return await this.#parts.deleter.delete(field, args, of);
  }

  /**
   * Replaces one property of a value that a policy with `fields` has stored, in all processes, as `delete` removes it. Its remaining life
   * stays as it is. If there is no valid value with this property, what is stored at the key is removed: the next read loads.
   *
   * @param of From `cache.key`; or the field of a schema with its arguments, and its parent, viewer and variation if it has them.
   * @returns Whether the property was replaced.
   * @throws {CacheError} `UNENCODABLE`, and nothing changes; `INVALID_KEY`, `INVALID_OPTIONS`; `STORE_UNAVAILABLE`: repeat the call.
   */
  async replaceField(of: StoredValueOf, name: string, value: unknown): Promise<boolean> {
    return await this.#parts.replacer.replace(of, name, value);
  }

  /** For plugins: registers fields of a schema, so that `delete` also finds their values. Of many schemas with a field, the last 16 count. */
  registerSchema(digest: string, fields: ReadonlyMap<string, ArgumentDefaults>): void {
    this.#parts.deleter.registerSchema(digest, fields);
  }

  /**
   * Invalidates every value of the namespace, then removes them.
   *
   * @returns The number of values removed.
   * @throws {CacheError} `STORE_UNAVAILABLE` if it is not known whether the values were invalidated: repeat the call.
   */
  async flush(): Promise<number> {
    await this.#parts.invalidator.dropAll();
    const keysRemoved = await this.#parts.store.clear();
    this.#parts.usage.forget();
    this.emit({ type: 'flush', keysRemoved });
    return keysRemoved;
  }

  /**
   * Returns how much the store holds. Counting scans the whole store, so the result is cached for two seconds.
   *
   * @throws {CacheError} `STORE_UNAVAILABLE`.
   */
  usage(): Promise<StoreUsage> {
    return this.#parts.usage.get();
  }

  /**
   * Fills the cache before requests arrive: runs tasks that fetch, such as `() => cache.fetch(key, policy, load)`, a few at a time and
   * for a limited time. A value that exists is only read, and one process loads for all that warm up at once. Tasks that fail do not
   * end it, and it does not reject because of them.
   *
   * @throws {CacheError} `INVALID_OPTIONS`.
   */
  async warm(tasks: readonly WarmUpTask[], options: WarmUpOptions = {}): Promise<WarmUpResult> {
    return await this.#parts.warmUp.run(tasks, options);
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
    this.#parts.store.suspend(by, isSuspended);
  }

  /** Reports that a field was resolved without the cache. The value of an enclosing load is then not stored either. */
  uncached(field: string, error: unknown): void {
    LoadScope.current()?.join({ cache: this.#parts.running, key: field }, undefined, Infinity);
    this.emit({ type: 'uncached', field, error });
  }

  /** Texts beside the cache, in the same store. Both methods throw `CacheError` `STORE_UNAVAILABLE`. */
  get data(): StoredData {
    return this.#parts.store.data;
  }

  /** Calls the listeners. */
  readonly emit = (event: CacheEvent): void => this.#listeners.tell(event);

  /** Whether values may contain instances of classes, because the cache has codecs. */
  get hasCodecs(): boolean {
    return !this.#parts.codecs.isEmpty;
  }

  /** The state of the memory tier; undefined without one. */
  get memory(): MemoryTierState | undefined {
    return this.#parts.memory;
  }

  /** With `loadsAtOnceMax`: the number of loads that run, and that wait for a slot. Loads inside of loads do not count. */
  get bulkhead(): { readonly running: number; readonly waiting: number } | undefined {
    return this.#parts.bulkhead;
  }

  /** Closes the store. Running loads finish and are not stored; requests in other processes do not wait for them. */
  async close(): Promise<void> {
    this.#parts.warmUp.close();
    this.#parts.pending.close();
    this.#parts.refills.clear();
    this.#parts.backgroundLoads.close();
    this.#parts.shadowChecks.close();
    this.#parts.bulkhead?.close();
    await this.#parts.leases.close();
    await this.#parts.background.drain();
    this.#parts.memory?.close();
    this.#log?.close();
    await this.#parts.store.close();
  }
}
