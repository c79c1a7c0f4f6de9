/**
 * Cache-aside over a store. `fetch` is the read path, told once:
 *
 *   in the memory tier? a hit · a flight of this key is up? board it · read value and tokens · the stamps stand? a hit · else one load for all who
 *   wait, in this process and the others: take the lease, load, store the value under the tokens of before · answer
 *
 * A fault of the store is a miss and an event, never an error of the request. A load's rejection passes untouched, and
 * nothing is stored.
 */
import { Background } from './background.ts';
import { shared } from './boarding.ts';
import type { CacheOptions } from './cache-options.ts';
import { systemClock, type Clock } from './clock.ts';
import type { CacheEvent, CacheListener } from './events.ts';
import { fill, type Fill, type Filled, type FillParts } from './fill.ts';
import { Flights } from './flight.ts';
import { guardStore, type GuardedStore } from './guarded-store.ts';
import { KeptUsage } from './kept-usage.ts';
import { createKey, type Key, type KeyParts } from './key.ts';
import { Leases } from './lease.ts';
import type { RunningLoads } from './load-circle.ts';
import { Listeners } from './listeners.ts';
import { isHeldBy, LoadScope } from './load-scope.ts';
import { lookup } from './lookup.ts';
import { createMemoryTier, type MemoryTier } from './memory-tier.ts';
import { eventOf, hit, outcomeOf, type Answer, type Origin, type Outcome } from './outcome.ts';
import type { Policy } from './policy.ts';
import type { StoreUsage, Tier } from './store.ts';
import { checkTag, everythingTag, tagsToDrop } from './tags.ts';
import { TouchedTags } from './touched-tags.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

/** What one `fetch` may say besides key, policy and load. */
export interface FetchOptions {
  mode?: Mode;
  /** What this fetch is part of, such as an operation's context: all of its fetches leave a store alone that failed one. */
  request?: object;
  /** The value that this one is made of, such as that of its parent: what makes that one void makes this one void. */
  madeOf?: Origin | undefined;
  /** Hears how the value was come by before `fetch` resolves; hears nothing where the load rejects. */
  report?: (outcome: Outcome) => void;
}

interface Asked extends Pick<Fill, 'policy' | 'load' | 'madeOf'> {
  readonly mode: Mode;
  readonly from: object | undefined; // whether it has boarded a flight in vain: after the next one it loads for itself
  readonly isAgain?: boolean;
}

/** A cache over one store, for one namespace. `createCache` makes one. */
export class Cache {
  readonly namespace: string;
  readonly tier: Tier;
  readonly #store: GuardedStore;
  readonly #clock: Clock;
  readonly #flights: Flights<Filled>;
  readonly #background = new Background();
  readonly #leases: Leases;
  readonly #memory: MemoryTier | undefined;
  readonly #running: RunningLoads = new Map();
  readonly #touched: TouchedTags;
  readonly #listeners = new Listeners();
  readonly #usage: KeptUsage;

  constructor(options: CacheOptions) {
    const { store, clock = systemClock, deadlineMs = 100, random = Math.random } = options;
    const { knownTags = () => [], memoryBytesMax = 0 } = options;
    this.namespace = store.namespace;
    this.tier = store.tier;
    this.#clock = clock;
    this.#touched = new TouchedTags(knownTags);
    this.#store = guardStore(store, { clock, deadlineMs, emit: this.emit });
    this.#flights = new Flights(clock);
    const background = this.#background;
    this.#leases = new Leases({ guarded: this.#store, background, clock, emit: this.emit, random });
    this.#usage = new KeptUsage(() => this.#store.usage(), clock);
    this.#memory = createMemoryTier(store, { bytesMax: memoryBytesMax, clock, emit: this.emit });
    this.on(({ type }) => type === 'breaker-closed' && this.#memory?.distrust());
  }

  /**
   * The value at `key`: from the cache, or loaded and stored.
   *
   * @param policy What `createPolicy` gives; a caller may put other tags in for one call.
   * @returns The value as `load` gives it. Who did not load it himself has a copy of his own, or, where the memory tier
   *   keeps it, one that is frozen.
   * @throws Whatever `load` rejects with, unchanged; `CacheError` `INVALID_TAG`, and `CIRCULAR_LOAD` where the load of
   *   this key fetches it again. A fault of the store never throws; see the event `store-failed`.
   */
  async fetch<T>(key: Key, policy: Policy, load: () => T | Promise<T>, options: FetchOptions = {}): Promise<T> {
    for (const tag of policy.tags) checkTag(key.field, tag);
    const outer = LoadScope.current();
    outer?.dependsOnWhoAsks((own) => isHeldBy(own, key));
    const startedMs = this.#clock.nowMs();
    const { mode = 'use', request, madeOf } = options;
    const answering = (): Promise<Answer> => this.#answer(key, { policy, load, madeOf, mode, from: request });
    const name = { cache: this.#running, key: key.text };
    const answer = await (outer === undefined ? answering() : outer.fetching(name, answering));
    const nowMs = this.#clock.nowMs();
    outer?.join(name, answer.stamps, nowMs + answer.ttlMs);
    const durationMs = nowMs - startedMs;
    this.emit(eventOf(key, answer, durationMs));
    options.report?.(outcomeOf(key, answer, durationMs));
    return answer.value as T;
  }

  async #answer(key: Key, { isAgain = false, ...asked }: Asked): Promise<Answer> {
    const { policy, load, madeOf, mode, from } = asked;
    const unstored = { stamps: undefined, ttlMs: policy.ttlMs, ageMs: 0 };
    if (mode === 'bypass') return { ...unstored, state: 'bypass', value: await load() };
    const tags = this.#touched.ofFetch(key.field, policy.tags);
    // What a load is made of is read from the store: memory may still give what is older than the load's tokens.
    const isForMemory = mode === 'use' && !policy.isStrict && LoadScope.current() === undefined;
    const memory = isForMemory ? this.#memory : undefined;
    const held = memory?.get(key.text, tags.required);
    if (held !== undefined) return hit('memory', held);

    const parts = this.#partsOfRequest(from);
    const request = { key, policy, tags, load, madeOf };
    const flying = (found: Fill['found']): Promise<Filled> =>
      this.#flights.start(key.text, async (flight) => {
        const filled = await fill(parts, { ...request, found, flight });
        this.#memory?.drop(key.text);
        return filled;
      });
    if (mode === 'refresh') return { ...(await flying('anything')), state: 'refresh' };

    const loadMyself = (): Promise<Filled> => fill(parts, { ...request, found: 'no-store' });
    const number = this.#flights.arrive();
    const flight = this.#flights.get(key.text);
    const landed = flight === undefined ? undefined : await flight;
    if (landed !== undefined && landed.provenFor >= number) return shared(landed, loadMyself);
    if (isAgain && flight !== undefined && landed === undefined) return shared(undefined, loadMyself);

    const ticket = memory?.ticket();
    const seen = await lookup(parts, key, tags);
    if (seen.found === 'entry') {
      if (ticket !== undefined) memory?.keep(ticket, key.text, seen);
      return hit(this.tier, seen);
    }
    // Another request may have taken off while this one read, and so after this one came.
    const since = this.#flights.get(key.text);
    if (since !== undefined) {
      const brought = await since;
      const startsOver = brought === undefined && flight === undefined && !isAgain;
      return startsOver ? this.#answer(key, { ...asked, isAgain: true }) : shared(brought, loadMyself);
    }
    const filled = await flying(seen.found === 'nothing' ? seen.seen : seen.found);
    return { ...filled, state: filled.isShared ? 'shared' : 'miss' };
  }

  #partsOfRequest(from: object | undefined): FillParts {
    const [flights, leases, touched, background] = [this.#flights, this.#leases, this.#touched, this.#background];
    const parts = { leases, flights, touched, background, clock: this.#clock, emit: this.emit, running: this.#running };
    return { ...parts, store: this.#store.request(from) };
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
    for (const tag of tags) checkTag('invalidate', tag);
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
  get memory(): { readonly isProven: boolean; readonly bytes: number } | undefined {
    return this.#memory;
  }

  /** Lets go of the store. Loads that run end, and are not stored; nobody elsewhere waits for them. */
  async close(): Promise<void> {
    await this.#leases.close();
    await this.#background.drain();
    this.#memory?.close();
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
      this.#flights.clearBoard();
    }
  }
}

/** A cache over `store`, for its namespace. */
export function createCache(options: CacheOptions): Cache {
  return new Cache(options);
}
