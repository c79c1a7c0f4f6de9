/**
 * The main path of a fetch:
 *
 *   memory tier: valid? → return it
 *   a load of this key in flight? → join it, if its result is valid for this request
 *   store: read the value and its tokens in one round trip; valid? → keep it in memory, return it
 *   otherwise one load for all requests, in this process and the others: acquire the lease, load, store
 *
 * If the store is bypassed, or takes no new values, requests share the next load of their key instead (`in-flight.ts`).
 */
import { Cancelled, type InFlightLoad, type InFlightLoads, type JoinedResult } from './in-flight.ts';
import { loadAndStore, type LoadParts, type LoadReason, type LoadRequest } from './load.ts';
import { type LoadResult } from './outcome.ts';
import { lookUp } from './lookup.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import { hit, type Answer } from './outcome.ts';
import type { Policy } from './policy.ts';
import { LoadScope } from './scope/load-scope.ts';
import { sharedAnswer } from './shared-result.ts';
import type { Tier } from './events/events.ts';
import type { GuardedStore } from './store/guarded-store.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

export interface FetchRequest extends Pick<LoadRequest, 'key' | 'policy' | 'load' | 'dependsOn' | 'isAborted'> {
  readonly mode: Mode;
  /** What this fetch is part of. After one of its fetches has failed at the store, the others bypass it. */
  readonly request: object | undefined;
}

export interface GetOrLoadParts extends LoadParts {
  readonly tier: Tier;
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly loads: InFlightLoads<LoadResult>;
  readonly memory: MemoryTier | undefined;
}

/** A fetch on its way. */
interface Fetch extends LoadRequest {
  /** The memory tier, if this fetch may read it. */
  readonly memory: MemoryTier | undefined;
  /** Whether it has joined a load in vain. The second time, it loads for itself. */
  readonly isRetry: boolean;
  /** How many loads that it joined have failed with an error that claims to be a cancellation. */
  readonly claims: number;
}

/** From the next one on, the error counts as a failure of the load. */
const claimsMax = 3;

export class GetOrLoad {
  readonly #parts: GetOrLoadParts;

  constructor(parts: GetOrLoadParts) {
    this.#parts = parts;
  }

  /**
   * @param nowMs The time at which the fetch began.
   * @returns No promise for a value from memory: a promise would cost as much as the rest of such a hit.
   */
  answer({ mode, request, ...fields }: FetchRequest, nowMs: number): Answer | Promise<Answer> {
    const { key, policy, load } = fields;
    if (mode === 'bypass') return bypassed(load, policy);
    const tags = this.#parts.touched.ofFetch(key.field, policy.tags);
    const memory = this.#memoryFor(policy, mode);
    const entry = memory?.get(key.text, tags.required, nowMs);
    if (entry !== undefined) return hit('memory', entry);
    const store = this.#parts.guarded.request(request);
    const fetch: Fetch = { ...fields, tags, store, memory, isRetry: false, claims: 0 };
    return mode === 'refresh' ? this.#refresh(fetch) : this.#get(fetch);
  }

  #get(fetch: Fetch): Promise<Answer> {
    const { loads } = this.#parts;
    if (fetch.store.isBypassed) return this.#loadWithoutStore(fetch);
    const sequence = loads.nextSequence();
    const inFlight = loads.get(fetch.key.text);
    return inFlight === undefined ? this.#getFromStore(fetch) : this.#join(fetch, inFlight, sequence);
  }

  /** Joins a load that is in flight. Its result must be valid for the request that arrived as number `sequence`. */
  async #join(fetch: Fetch, inFlight: Promise<JoinedResult<LoadResult>>, sequence: number): Promise<Answer> {
    const result = await inFlight;
    if (result instanceof Cancelled) return this.#get(afterCancelled(fetch, result));
    if (result === undefined && fetch.isRetry) return this.#loadAlone(fetch);
    if (result !== undefined && result.validUpTo >= sequence) return this.#share(fetch, result);
    return this.#getFromStore({ ...fetch, isRetry: true });
  }

  async #getFromStore(fetch: Fetch): Promise<Answer> {
    const { key, tags, store, memory } = fetch;
    const { loads, touched, tier } = this.#parts;
    const ticket = memory?.ticket();
    const found = await lookUp({ store, emit: this.#parts.emit }, key, tags);
    if (found.state === 'hit') {
      if (ticket !== undefined) memory?.keep(ticket, found.entry);
      touched.saw(key.field, Object.keys(found.entry.entryRef.stamps));
      return hit(tier, found.entry);
    }
    if (found.state === 'no-store' || store.isFull) return this.#loadWithoutStore(fetch);
    // A load that another request began while this one read the store began after this request arrived: valid for it.
    const inFlight = loads.get(key.text);
    if (inFlight !== undefined) return this.#join(fetch, inFlight, 0);
    const { isShared, ...result } = await loads.start(key.text, (load) => this.#load(fetch, found, load));
    return { ...result, state: isShared ? 'shared' : 'miss' };
  }

  async #refresh(fetch: Fetch): Promise<Answer> {
    const result = await this.#parts.loads.start(fetch.key.text, (load) => this.#load(fetch, 'refresh', load));
    return { ...result, state: 'refresh' };
  }

  async #loadWithoutStore(fetch: Fetch): Promise<Answer> {
    const load = (inFlight: InFlightLoad): Promise<LoadResult> => this.#load(fetch, 'no-store', inFlight);
    const { isShared, result } = await this.#parts.loads.startNext(fetch.key.text, load);
    if (!isShared) return { ...result, state: 'miss' };
    if (result instanceof Cancelled) return this.#loadWithoutStore(afterCancelled(fetch, result));
    if (result !== undefined) return this.#share(fetch, result);
    return fetch.isRetry ? this.#loadAlone(fetch) : this.#loadWithoutStore({ ...fetch, isRetry: true });
  }

  async #load(fetch: Fetch, reason: LoadReason, inFlight: InFlightLoad): Promise<LoadResult> {
    const result = await loadAndStore(this.#parts, fetch, { reason, inFlight });
    this.#parts.memory?.drop(fetch.key.text);
    return result;
  }

  async #share(fetch: Fetch, result: LoadResult): Promise<Answer> {
    // If the value cannot be copied, a load of this request's own would not be stored either.
    return sharedAnswer(result) ?? this.#loadAlone(fetch, result.notStored);
  }

  /** A load for this request alone, which no other request joins. */
  async #loadAlone(fetch: Fetch, notStored?: string): Promise<Answer> {
    const result = await loadAndStore(this.#parts, fetch, { reason: 'no-store' });
    return { ...result, state: 'miss', ...(notStored === undefined ? {} : { notStored }) };
  }

  /** A load reads what it depends on from the store: memory may still return values older than the load's tokens. */
  #memoryFor({ isStrict = false }: Policy, mode: Mode): MemoryTier | undefined {
    return mode === 'use' && !isStrict && LoadScope.current() === undefined ? this.#parts.memory : undefined;
  }
}

/** @throws The error of the joined load, if such errors have claimed to be cancellations too often. */
function afterCancelled(fetch: Fetch, { error, isCertain }: Cancelled): Fetch {
  if (isCertain) return fetch;
  if (fetch.claims >= claimsMax) throw error;
  return { ...fetch, claims: fetch.claims + 1 };
}

async function bypassed(load: LoadRequest['load'], { ttlMs }: Policy): Promise<Answer> {
  return { state: 'bypass', value: await load(), stamps: undefined, ttlMs, ageMs: 0 };
}
