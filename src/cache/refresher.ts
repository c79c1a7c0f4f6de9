/**
 * Loads values again in the background while requests still receive the ones that are stored: stale values, and fresh ones shortly
 * before they expire. Invalidated values are not refreshed: they are not returned, so the request that finds one loads.
 */
import { LRUCache } from 'lru-cache';
import type { BackgroundLoads } from './background-loads.ts';
import { isDueEarly } from './early-refresh.ts';
import type { CachedEntry, EntryRef } from './entry/entry.ts';
import type { Tier } from './events/events.ts';
import type { RefreshRequest } from './fetch.ts';
import { found, type Answer } from './outcome.ts';
import type { ShadowDraws } from './shadow-draws.ts';

/** The number of keys of which it is known that they are refreshed early. */
const keysMax = 10_000;

interface RefresherParts {
  readonly loads: BackgroundLoads;
  readonly shadow: ShadowDraws;
  /** Returns 0…1. */
  readonly random: () => number;
}

export class Refresher {
  readonly #parts: RefresherParts;
  /** The keys that are refreshed early, and whether they are due now. */
  readonly #early = new LRUCache<string, { readonly isDue: boolean }>({ max: keysMax });

  constructor(parts: RefresherParts) {
    this.#parts = parts;
  }

  /**
   * Answers with an entry that was found. Begins a refresh if the entry is stale or due early; may begin a shadow check if it is fresh.
   */
  answerWith(request: RefreshRequest, tier: Tier, entry: CachedEntry): Answer {
    const { remainingMs, entryRef } = entry;
    if (remainingMs <= 0 || this.#isDue(request, entryRef, remainingMs))
      this.#parts.loads.begin(request, { replacedEntryId: entryRef.entryId });
    const { shadow } = request.policy;
    if (shadow !== undefined && remainingMs > 0) this.#parts.shadow.onHit(request, entryRef, shadow);
    return found(tier, entry);
  }

  /**
   * Whether one of the fresh entries of a cached response is due, or drawn for a shadow check. The response is then executed, because both
   * need a request with its context.
   */
  isAnyDue(entryRefs: readonly EntryRef[], remainingMs: readonly number[]): boolean {
    if (this.#parts.shadow.isAnyDrawn(entryRefs)) return true;
    if (this.#early.size === 0) return false;
    return entryRefs.some((entryRef, index) => this.#isDueAgain(entryRef, remainingMs[index] ?? 0));
  }

  #isDueAgain(entryRef: EntryRef, remainingMs: number): boolean {
    const { key } = entryRef;
    const known = this.#early.get(key);
    if (known === undefined || this.#parts.loads.isRunning(key)) return false;
    const isDue = known.isDue || isDueEarly(entryRef, remainingMs, this.#parts.random);
    if (isDue) this.#early.set(key, { isDue });
    return isDue;
  }

  #isDue({ policy, key }: RefreshRequest, entryRef: EntryRef, remainingMs: number): boolean {
    if (policy.isRefreshedEarly !== true) return false;
    const isDue = this.#early.get(key.text)?.isDue === true || isDueEarly(entryRef, remainingMs, this.#parts.random);
    this.#early.set(key.text, { isDue: false });
    return isDue;
  }
}
