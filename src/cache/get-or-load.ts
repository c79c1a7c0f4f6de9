/**
 * The main path of a fetch:
 *
 *   memory tier: valid? → return it
 *   a load of this key in flight? → join it, if its result is valid for this request
 *   store: read the value and its tokens in one round trip; valid? → keep it in memory, return it
 *   otherwise one load for all requests, in this process and the others: acquire the lease, load, store (`load.ts`)
 *
 * If the store is bypassed, or takes no new values, requests share the next load of their key instead (`without-store.ts`).
 */
import type { Fetch, FetchParts, FetchRequest, Mode } from './fetch.ts';
import { Cancelled, type JoinedResult } from './in-flight.ts';
import { loadAndStore } from './load.ts';
import { lookUp } from './lookup.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import { hit, type Answer, type LoadResult } from './outcome.ts';
import type { Policy } from './policy.ts';
import { LoadScope } from './scope/load-scope.ts';
import { afterCancelled, isFor, loadAlone, share } from './shared-result.ts';
import { loadWithoutStore } from './without-store.ts';

export class GetOrLoad {
  readonly #parts: FetchParts;

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  /**
   * @param nowMs The time at which the fetch began.
   * @returns No promise for a value from memory: a promise would cost as much as the rest of such a hit.
   */
  answer(fetchRequest: FetchRequest, nowMs: number): Answer | Promise<Answer> {
    const { key, policy, load, dependsOn, isAborted, mode, request } = fetchRequest;
    const tags = this.#parts.touched.ofFetch(key.field, policy.tags);
    if (mode === 'bypass') return bypass(fetchRequest);
    const memory = this.#memoryFor(policy, mode);
    const entry = memory?.get(key.text, tags.required, nowMs);
    if (entry !== undefined) return hit('memory', entry);
    const store = this.#parts.guarded.forFetch(request);
    // Field by field: a rest property costs V8 as much as the rest of a hit from the store.
    const fetch: Fetch = { key, policy, load, dependsOn, isAborted, tags, store, memory, isRetry: false, claims: 0 };
    return mode === 'refresh' ? this.#refresh(fetch) : this.#get(fetch);
  }

  #get(fetch: Fetch): Promise<Answer> {
    if (fetch.store.isBypassed) return loadWithoutStore(this.#parts, fetch);
    const { loads } = this.#parts;
    const sequence = loads.nextSequence();
    const inFlight = loads.get(fetch.key.text);
    return inFlight === undefined ? this.#getFromStore(fetch) : this.#join(fetch, inFlight, sequence);
  }

  /** Joins a load that is in flight. Its result must be valid for the request that arrived as number `sequence`. */
  async #join(fetch: Fetch, inFlight: Promise<JoinedResult<LoadResult>>, sequence: number): Promise<Answer> {
    const result = await inFlight;
    if (result instanceof Cancelled) return this.#get(afterCancelled(fetch, result));
    if (result === undefined && fetch.isRetry) return loadAlone(this.#parts, fetch);
    if (result !== undefined && isFor(fetch, result, sequence)) return share(this.#parts, fetch, result);
    return this.#getFromStore({ ...fetch, isRetry: true });
  }

  async #getFromStore(fetch: Fetch): Promise<Answer> {
    const { key, tags, store, memory } = fetch;
    const { loads, touched, tier, emit } = this.#parts;
    const ticket = memory?.ticket();
    const found = await lookUp({ store, emit }, key, tags);
    if (found.state === 'hit') {
      if (ticket !== undefined) memory?.keep(ticket, found.entry);
      touched.saw(key.field, Object.keys(found.entry.entryRef.stamps));
      return hit(tier, found.entry);
    }
    if (found.state === 'no-store' || store.isFull) return loadWithoutStore(this.#parts, fetch);
    // While this request read the store, another one began a load. It is newer than this request, so its result is valid
    // for it, as it is for request 0, which arrived before all others.
    const inFlight = loads.get(key.text);
    if (inFlight !== undefined) return this.#join(fetch, inFlight, 0);
    const load = loads.start(key.text, tags.all, (own) =>
      loadAndStore(this.#parts, fetch, { reason: found, inFlight: own }),
    );
    const { isShared, ...result } = await load;
    return { ...result, state: isShared ? 'shared' : 'miss' };
  }

  async #refresh(fetch: Fetch): Promise<Answer> {
    const load = this.#parts.loads.start(fetch.key.text, fetch.tags.all, (inFlight) =>
      loadAndStore(this.#parts, fetch, { reason: 'refresh', inFlight }),
    );
    return { ...(await load), state: 'refresh' };
  }

  /** A load reads what it depends on from the store: memory may still return values older than the load's tokens. */
  #memoryFor({ isStrict = false }: Policy, mode: Mode): MemoryTier | undefined {
    return mode === 'use' && !isStrict && LoadScope.current() === undefined ? this.#parts.memory : undefined;
  }
}

async function bypass({ load, policy: { ttlMs } }: Pick<FetchRequest, 'load' | 'policy'>): Promise<Answer> {
  return { state: 'bypass', value: await load(), stamps: undefined, ttlMs, ageMs: 0 };
}
