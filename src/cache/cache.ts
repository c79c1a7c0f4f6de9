/**
 * Cache-aside over a store. `fetch` is the read path, told once:
 *
 *   a flight of this key is up? board it · read value and tokens · the stamps stand? a hit · else one load for all who
 *   wait, in this process and the others: take the lease, load, store the value under the tokens of before · answer
 *
 * A fault of the store is a miss and an event, never an error of the request. A load's rejection passes untouched, and
 * nothing is stored.
 */
import { Background } from './background.ts';
import { shared } from './boarding.ts';
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
import { outcomeOf, type Answer, type Outcome } from './outcome.ts';
import type { Policy } from './policy.ts';
import type { Store, StoreUsage, Tier } from './store.ts';
import { checkTag, everythingTag, tagsToDrop } from './tags.ts';
import { TouchedTags } from './touched-tags.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

/** What one `fetch` may say besides key, policy and load. */
export interface FetchOptions {
  mode?: Mode;
  /** What this fetch is part of, such as an operation's context: all of its fetches leave a store alone that failed one. */
  request?: object;
  /** Hears how the value was come by before `fetch` resolves; hears nothing where the load rejects. */
  report?: (outcome: Outcome) => void;
}

/** What a cache is made with. */
export interface CacheOptions {
  store: Store;
  clock?: Clock;
  /** The deadline of one round trip to the store, 100 ms unless told otherwise. */
  deadlineMs?: number;
  /**
   * The tags that loads may touch beyond those that their policies name, such as the tables of a database; asked for at each
   * fetch of a field that has not been loaded yet. Of more than 64 none are expected: what a load touches is then stored
   * from the second load of its field on.
   */
  knownTags?: () => readonly string[];
  /** From 0 to 1, as `Math.random`, which it is unless told otherwise. */
  random?: () => number;
}

interface Asked extends Pick<Fill, 'policy' | 'load'> {
  readonly mode: Mode;
  readonly from: object | undefined;
  /** Whether it has boarded one flight in vain: after the next one it loads for itself. */
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
  readonly #running: RunningLoads = new Map();
  readonly #touched: TouchedTags;
  readonly #listeners = new Listeners();
  readonly #usage: KeptUsage;

  constructor({
    store,
    clock = systemClock,
    deadlineMs = 100,
    random = Math.random,
    knownTags = () => [],
  }: CacheOptions) {
    this.namespace = store.namespace;
    this.tier = store.tier;
    this.#clock = clock;
    this.#touched = new TouchedTags(knownTags);
    this.#store = guardStore(store, { clock, deadlineMs, emit: this.emit });
    this.#usage = new KeptUsage(() => this.#store.usage(), clock);
    this.#flights = new Flights(clock);
    const background = this.#background;
    this.#leases = new Leases({ guarded: this.#store, background, clock, emit: this.emit, random });
  }

  /**
   * The value at `key`: from the cache, or loaded and stored.
   *
   * @param policy What `createPolicy` gives; a caller may put other tags in for one call.
   * @returns The value as `load` gives it. Who did not load it himself has a copy of his own.
   * @throws Whatever `load` rejects with, unchanged; `CacheError` `INVALID_TAG`, and `CIRCULAR_LOAD` where the load of
   *   this key fetches it again. A fault of the store never throws; see the event `store-failed`.
   */
  async fetch<T>(key: Key, policy: Policy, load: () => T | Promise<T>, options: FetchOptions = {}): Promise<T> {
    for (const tag of policy.tags) checkTag(key.field, tag);
    const outer = LoadScope.current();
    outer?.dependsOnWhoAsks((own) => isHeldBy(own, key));
    const startedMs = this.#clock.nowMs();
    const { mode = 'use', request } = options;
    const answering = (): Promise<Answer> => this.#answer(key, { policy, load, mode, from: request });
    const name = { cache: this.#running, key: key.text };
    const answer = await (outer === undefined ? answering() : outer.fetching(name, answering));
    const nowMs = this.#clock.nowMs();
    outer?.join(name, answer.stamps, nowMs + answer.ttlMs);
    const durationMs = nowMs - startedMs;
    this.#tell(key, answer, durationMs);
    options.report?.(outcomeOf(answer, { tier: this.tier, durationMs }));
    return answer.value as T;
  }

  async #answer(key: Key, { isAgain = false, ...asked }: Asked): Promise<Answer> {
    const { policy, load, mode, from } = asked;
    const unstored = { stamps: undefined, ttlMs: policy.ttlMs, ageMs: 0 };
    if (mode === 'bypass') return { ...unstored, state: 'bypass', value: await load() };
    const parts = this.#partsOfRequest(from);
    const tags = this.#touched.ofFetch(key.field, policy.tags);
    const request = { key, policy, tags, load };
    const flying = (found: Fill['found']): Promise<Filled> =>
      this.#flights.start(key.text, (flight) => fill(parts, { ...request, found, flight }));
    if (mode === 'refresh') return { ...(await flying('anything')), state: 'refresh' };

    const loadMyself = (): Promise<Filled> => fill(parts, { ...request, found: 'no-store' });
    const number = this.#flights.arrive();
    const flight = this.#flights.get(key.text);
    const landed = flight === undefined ? undefined : await flight;
    if (landed !== undefined && landed.provenFor >= number) return shared(landed, loadMyself);
    if (isAgain && flight !== undefined && landed === undefined) return shared(undefined, loadMyself);

    const seen = await lookup(parts, key, tags);
    if (seen.found === 'entry') {
      const { value, freshMs, loadMs, stamps } = seen.entry;
      const ttlMs = seen.remainingMs;
      return { state: 'hit', value, stamps, ttlMs, ageMs: freshMs - ttlMs, loadMs };
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

  /** Lets go of the store. Loads that run end, and are not stored; nobody elsewhere waits for them. */
  async close(): Promise<void> {
    await this.#leases.close();
    await this.#background.drain();
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
      this.#flights.clearBoard();
    }
  }

  #tell({ text: key, field }: Key, answer: Answer, durationMs: number): void {
    if (answer.state === 'hit') {
      this.emit({ type: 'hit', key, field, durationMs, ageMs: answer.ageMs, loadMs: answer.loadMs });
    } else this.emit({ type: answer.state, key, field, durationMs });
  }
}

/** A cache over `store`, for its namespace. */
export function createCache(options: CacheOptions): Cache {
  return new Cache(options);
}
