/**
 * Checks that previously read entries are still valid, without fetching them, for callers that cached something derived from
 * these entries, such as a whole response.
 *
 * The check is that of a read: by the memory tier while it is coherent, otherwise by the store, in one round trip for all.
 */
import { type Clock, endOfTick } from './base/clock.ts';
import { freshMsLeft, type EntryRef } from './entry/entry.ts';
import type { EmitEvent, Tier } from './events/events.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { Refresher } from './refresher.ts';
import type { FetchStore } from './store/fetch-store.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { tokensByTag } from './tags/validity.ts';

/** An entry that is still valid. */
export interface RevalidatedHit {
  readonly entryRef: EntryRef;
  readonly tier: Tier;
  readonly durationMs: number;
  /** How long it has been stored. */
  readonly ageMs: number;
  /** How long it stays fresh. */
  readonly ttlMs: number;
}

interface RevalidatorParts {
  readonly tier: Tier;
  readonly memory: MemoryTier | undefined;
  readonly refresher: Refresher;
  readonly guarded: Pick<GuardedStore, 'forFetch'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

export class Revalidator {
  readonly #parts: RevalidatorParts;
  /** The checks of this tick, which are not sent yet: requests that pass the same list share one (compared by identity). */
  #pending = new Map<readonly EntryRef[], Promise<RemainingTimes>>();

  constructor(parts: RevalidatorParts) {
    this.#parts = parts;
  }

  /**
   * Returns all entries as hits, which listeners receive too; undefined if one of them is not valid any more. A promise only
   * if the store is asked.
   *
   * @param request The request that asks. If the store fails here, the fetches of that request bypass it too.
   */
  revalidate(
    entryRefs: readonly EntryRef[],
    request?: object,
  ): readonly RevalidatedHit[] | undefined | Promise<readonly RevalidatedHit[] | undefined> {
    // A load must fetch what it depends on; otherwise its value would not depend on it.
    if (LoadScope.current() !== undefined) return undefined;
    const { memory, clock } = this.#parts;
    const startedMs = clock.nowMs();
    if (memory?.isCoherentAt(startedMs) !== true) return this.#askStore(entryRefs, { startedMs, request });
    const remaining: number[] = [];
    for (const entryRef of entryRefs) {
      const remainingMs = memory.remainingMs(entryRef, startedMs);
      if (remainingMs === undefined) return undefined;
      remaining.push(remainingMs);
    }
    return this.#hits(entryRefs, remaining, { tier: 'memory', startedMs });
  }

  /** Later requests do not share a pending check: the tick has ended, or a tag was invalidated. */
  reset(): void {
    // A new Map: `clear` leaves the old table behind, and V8's scavenger may keep alive what it refers to.
    this.#pending = new Map();
  }

  async #askStore(
    entryRefs: readonly EntryRef[],
    { startedMs, request }: { startedMs: number; request: object | undefined },
  ): Promise<readonly RevalidatedHit[] | undefined> {
    const store = this.#parts.guarded.forFetch(request);
    if (this.#pending.size === 0) void endOfTick().then(() => this.reset());
    const check = this.#pending.get(entryRefs) ?? remainingInStore(store, entryRefs);
    this.#pending.set(entryRefs, check);
    const remaining = await check;
    if (remaining === 'no-answer') store.bypass();
    if (typeof remaining === 'string') return undefined;
    return this.#hits(entryRefs, remaining, { tier: this.#parts.tier, startedMs });
  }

  #hits(
    entryRefs: readonly EntryRef[],
    remaining: readonly number[],
    { tier, startedMs }: { tier: Tier; startedMs: number },
  ): readonly RevalidatedHit[] | undefined {
    const { clock, refresher, emit } = this.#parts;
    if (refresher.isAnyDue(entryRefs, remaining)) return undefined;
    const durationMs = clock.nowMs() - startedMs;
    return entryRefs.map((entryRef, index) => {
      const { key, field, freshMs, loadMs } = entryRef;
      const ttlMs = remaining[index] ?? 0;
      const ageMs = Math.max(0, freshMs - ttlMs);
      emit({ type: 'hit', key, field, tier, durationMs, ageMs, loadMs });
      return { entryRef, tier, durationMs, ageMs, ttlMs };
    });
  }
}

/** How long each entry stays fresh, in milliseconds; `changed` if one of them is not valid any more. */
type RemainingTimes = readonly number[] | 'changed' | 'no-answer';

async function remainingInStore(store: FetchStore, entryRefs: readonly EntryRef[]): Promise<RemainingTimes> {
  const tags = [...new Set(entryRefs.flatMap(({ stamps }) => Object.keys(stamps)))];
  const confirmation = await store.confirm(entryRefs, tags);
  if (confirmation === undefined) return 'no-answer';
  const tokens = tokensByTag(tags, confirmation.tokens);
  const remaining: number[] = [];
  for (const [index, entryRef] of entryRefs.entries()) {
    const lifeMs = confirmation.remainingMs[index];
    const remainingMs = lifeMs === undefined ? undefined : freshMsLeft(entryRef, lifeMs, (tag) => tokens.get(tag));
    if (remainingMs === undefined) return 'changed';
    remaining.push(remainingMs);
  }
  return remaining;
}
