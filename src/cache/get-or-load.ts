/**
 * The main path of a fetch:
 *
 *   memory tier: valid? → return it; if it is stale, or about to expire, it is loaded again in the background (`refresher.ts`)
 *   a load of this key in flight? → join it, if its result is valid for this request
 *   store: read the value and its tokens in one round trip; valid? → keep it in memory, return it likewise
 *   otherwise one load for all requests, in this process and the others: wait for a slot (`bulkhead.ts`), acquire the lease, load,
 *   store (`load.ts`)
 *
 * If the load fails, or takes long, a value that has expired may be returned instead (`or-expired.ts`).
 * If the store is bypassed, or takes no new values, requests share the next load of their key instead (`without-store.ts`).
 */
import { withSlot } from './bulkhead.ts';
import type { Fetch, FetchParts, FetchRequest } from './fetch.ts';
import { Cancelled, type JoinedResult } from './in-flight.ts';
import { loadAndStore } from './load.ts';
import { lookUp, type Miss } from './lookup.ts';
import { hasAll, namesToRead } from './names-to-read.ts';
import { loadedAnswer, type Answer, type LoadResult } from './outcome.ts';
import { LoadScope } from './scope/load-scope.ts';
import { orExpired } from './or-expired.ts';
import { afterCancelled, isFor, loadAlone, share } from './shared-result.ts';
import { bypass, loadWithoutStore } from './without-store.ts';

/** Ends a request that has already received an expired value; nothing awaits this rejection. */
const answered = new Error('the request has received an expired value');

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
    const { key, policy, load, reload, dependsOn, isAborted, mode, only, request } = fetchRequest;
    const { touched, guarded, refresher } = this.#parts;
    const tags = touched.ofFetch(key.field, policy.tags);
    if (mode === 'bypass') return bypass(this.#parts, fetchRequest);
    const isInLoad = LoadScope.current() !== undefined;
    // A value that is derived from a stale one would be stored as a fresh one.
    const staleMs = isInLoad ? 0 : (policy.staleMs ?? 0);
    // A load reads what it depends on from the store: memory may still return values older than the load's tokens.
    const memory = mode === 'use' && policy.isStrict !== true && !isInLoad ? this.#parts.memory : undefined;
    const entry = memory?.get(key.text, tags.required, nowMs);
    if (entry !== undefined && entry.remainingMs > -staleMs && (entry.only === undefined || hasAll(entry.only, only)))
      return refresher.answerWith(fetchRequest, 'memory', entry);
    const store = guarded.forFetch(request);
    const staleIfErrorMs = isInLoad ? 0 : (policy.staleIfErrorMs ?? 0);
    const names = policy.isByProperty === true ? namesToRead(key, only, memory) : undefined;
    const fallback = { isReturned: false };
    const now = { store, memory, names, tags, staleMs, staleIfErrorMs, isRetry: false, claims: 0, fallback };
    // Field by field: a rest property costs V8 as much as the rest of a hit from the store.
    const fetch: Fetch = { key, policy, load, reload, dependsOn, isAborted, ...now };
    if (mode === 'refresh') return this.#refresh(fetch);
    const answer = this.#get(fetch);
    return staleIfErrorMs > 0 ? orExpired(this.#parts, fetch, answer) : answer;
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
    const { loads, bulkhead } = this.#parts;
    if (bulkhead?.isInLoad === true) loads.beginNow(fetch.key.text);
    const result = await inFlight;
    if (fetch.fallback.isReturned) throw answered;
    if (result instanceof Cancelled) return this.#get(afterCancelled(fetch, result));
    if (result === undefined && fetch.isRetry) return loadAlone(this.#parts, fetch);
    if (result !== undefined && isFor(fetch, result, sequence)) return share(this.#parts, fetch, result);
    return this.#getFromStore({ ...fetch, isRetry: true });
  }

  async #getFromStore(fetch: Fetch): Promise<Answer> {
    const { key, names, tags, staleMs, staleIfErrorMs, store, memory } = fetch;
    const { loads, touched, refresher, tier, emit, codecs } = this.#parts;
    const ticket = memory?.ticket();
    const lookup = await lookUp({ store, emit, codecs }, key, { tags, staleMs, staleIfErrorMs, names });
    if (lookup.state === 'hit') {
      if (ticket !== undefined) memory?.keep(ticket, lookup.entry);
      touched.saw(key.field, Object.keys(lookup.entry.entryRef.stamps));
      return refresher.answerWith(fetch, tier, lookup.entry);
    }
    if (lookup.state === 'no-store' || store.isFull) return loadWithoutStore(this.#parts, fetch);
    // While this request read the store, another one may have begun a load. That load is newer than this request, so its result is valid
    // here: join as request 0, which arrived before all others.
    const inFlight = loads.get(key.text);
    if (inFlight !== undefined) return this.#join(fetch, inFlight, 0);
    const load = this.#start(fetch, lookup);
    return loadedAnswer(await load, tier);
  }

  async #refresh(fetch: Fetch): Promise<Answer> {
    return { ...(await this.#start(fetch, 'refresh')), state: 'refresh' };
  }

  #start(fetch: Fetch, reason: Miss | 'refresh'): Promise<LoadResult> {
    const { loads, bulkhead } = this.#parts;
    return loads.start(fetch.key.text, fetch.tags.all, (inFlight) =>
      withSlot(bulkhead, (slot) => loadAndStore(this.#parts, fetch, { reason, inFlight, slot }), {
        load: inFlight,
      }),
    );
  }
}
