/**
 * Loads values again in the background while requests still receive the ones that are stored: stale values, and fresh ones shortly
 * before they expire.
 *
 * It takes the lease, so one process does it for all, once per value. If another process has the lease, or its load has just failed,
 * nothing happens. Invalidated values are not refreshed: they are not returned, so the request that finds one loads.
 */
import type { Background } from './base/background.ts';
import { isDueEarly } from './early-refresh.ts';
import type { CachedEntry, EntryRef } from './entry/entry.ts';
import type { Tier } from './events/events.ts';
import type { RefreshRequest } from './fetch.ts';
import { runLoad, type LoadParts } from './load.ts';
import { found, type Answer } from './outcome.ts';
import type { RecentReads } from './recent-reads.ts';
import { PendingReply } from './store/fetch-store.ts';
import type { GuardedStore } from './store/guarded-store.ts';

interface RefresherParts extends LoadParts {
  readonly background: Background;
  readonly guarded: Pick<GuardedStore, 'forFetch'>;
  readonly reads: RecentReads;
  /** Returns 0…1. */
  readonly random: () => number;
}

export class Refresher {
  readonly #parts: RefresherParts;
  /** The keys that are being refreshed here. */
  readonly #running = new Set<string>();

  constructor(parts: RefresherParts) {
    this.#parts = parts;
  }

  /** The answer with this entry, which was found. If it is stale, or due early, a refresh begins. */
  answerWith(request: RefreshRequest, tier: Tier, entry: CachedEntry): Answer {
    this.#returned(request, entry);
    return found(tier, entry);
  }

  /** A request receives this fresh entry as part of a cached response. */
  revalidated(entryRef: EntryRef, remainingMs: number): void {
    const { reads } = this.#parts;
    if (reads.size === 0) return;
    reads.readAgain(entryRef.key);
    const { request } = reads.get(entryRef.key) ?? {};
    if (request !== undefined) this.#returned(request, { remainingMs, entryRef });
  }

  #returned(request: RefreshRequest, { remainingMs, entryRef }: Pick<CachedEntry, 'remainingMs' | 'entryRef'>): void {
    if (remainingMs <= 0 || this.#isDue(request, entryRef, remainingMs)) this.#start(request, entryRef);
  }

  #isDue({ policy }: RefreshRequest, entryRef: EntryRef, remainingMs: number): boolean {
    return policy.isRefreshedEarly === true && isDueEarly(entryRef, remainingMs, this.#parts.random);
  }

  #start(request: RefreshRequest, { entryId }: EntryRef): void {
    const { text: key, field } = request.key;
    if (this.#running.has(key)) return;
    this.#running.add(key);
    const { background, emit } = this.#parts;
    background.start(async () => {
      try {
        await this.#refresh(request, entryId);
      } catch (error) {
        emit({ type: 'background-failed', key, field, error });
      } finally {
        this.#running.delete(key);
      }
    });
  }

  async #refresh({ key, policy, reload, dependsOn }: RefreshRequest, entryId: string): Promise<void> {
    const { guarded, leases, loads, touched, memory } = this.#parts;
    const store = guarded.forFetch();
    if (store.isBypassed || store.isFull) return;
    const tags = touched.ofFetch(key.field, policy.tags);
    const miss = { stamps: undefined, rejectedEntryId: entryId };
    const sequence = (): number => loads.sequence;
    const decision = await leases.acquire({ key, tags, store, miss, sequence, canWait: false });
    // Another process loads, or a load has just failed, or the value could not be stored.
    if (decision.action === 'load-only') return;
    if (decision.action === 'load-and-store') {
      const lease = decision.lease instanceof PendingReply ? await decision.lease.answer : decision.lease;
      if (lease === undefined) return;
      const request = { key, policy, tags, load: reload, dependsOn, isAborted: () => false, store: store.anew() };
      await runLoad(this.#parts, request, { decision: { ...decision, lease }, isReplacing: true });
    }
    // At most the memory tier has the value from before.
    memory?.drop(key.text);
  }
}
