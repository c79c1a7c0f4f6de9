/**
 * The lease of a key: its holder loads the value for all processes on one store; other requests wait for what it stores.
 * Leases save loads. Stamps make reads correct, whichever process loads.
 *
 * - *Acquire* returns a value that the request has not rejected yet, or the lease, or reports that another process holds it. A
 *   request names the entry that it has rejected; otherwise the store would return that entry again and again.
 * - A lease carries a digest of the tokens that its holder's load depends on. If one of them has changed, the holder's value
 *   will be invalid, so a request does not wait for it but takes over exactly that lease. It compares the tokens from the
 *   same reply that showed the lease. With older ones, it would take the lease from a holder whose load depends on newer ones.
 * - The holder renews its lease while it loads. If it dies, the lease expires, and the next request acquires it.
 * - *Fill* stores the value only if the lease is still the holder's, and ends the lease.
 * - After a load that failed, or whose value cannot be stored, the lease stays open for a second: every request may load for itself.
 *   Otherwise the waiting requests would load one after another. While requests receive an expired value, it stays open for longer after
 *   each failure (`load-failures.ts`).
 *
 * A request waits for at most three seconds, so two loads in different processes that wait for each other end too.
 *
 * Source: Nishtala et al., Scaling Memcache at Facebook (NSDI 2013), section 3.2.1, leases.
 */
import { randomBytes } from 'node:crypto';
import type { Background } from './base/background.ts';
import { type Clock, endOfTick } from './base/clock.ts';
import { captureStamps } from './capture-stamps.ts';
import type { CachedEntry } from './entry/entry.ts';
import type { ClassCodecs } from './entry/class-codecs.ts';
import type { Key } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import { HeldLeases, leaseMs, type HeldLease } from './held-leases.ts';
import { checkEntry, type Miss } from './lookup.ts';
import { PendingReply, type FetchStore } from './store/fetch-store.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import type { LeaseReply } from './store/store.ts';
import { isInvalidated, stampsDigestOf, stampsOf, type FetchTags, type Stamps } from './tags/tags.ts';
import { areStamps } from './tags/validity.ts';

/** How long a request waits for the holder of a lease. */
const waitMsMax = 3_000;
/** How often a request asks without a pause, because something has changed with each reply. */
const attemptsMax = 20;
const pauseMsMin = 2;
const pauseMsMax = 50;
/** The more requests of one process wait, the less often each of them asks: together about 13 times a millisecond. */
const pauseMsPerWaiting = 0.1;

interface LeaseParts {
  /** For calls that no request waits for. */
  readonly guarded: Pick<GuardedStore, 'forFetch'>;
  readonly background: Pick<Background, 'run'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly codecs: ClassCodecs;
  /** Returns 0…1: spreads the requests of those that wait. */
  readonly random: () => number;
}

interface LeaseRequester {
  readonly key: Key;
  readonly tags: FetchTags;
  /** The store of this request, whose calls share one deadline. */
  readonly store: FetchStore;
  readonly miss: Miss;
  /** The number of the request that arrived last. */
  readonly sequence: () => number;
  /** Whether the request waits while another load holds the lease; a refresh does not. */
  readonly canWait: boolean;
}

/** What the request does next. */
export type LeaseDecision =
  /** Without a lease, every request may load and store. With a pending one, it is not known yet whether this one may store. */
  | {
      readonly action: 'load-and-store';
      readonly lease: HeldLease | PendingReply<HeldLease> | undefined;
      readonly stamps: Stamps;
      /** Without a lease: see `UnleasedWrite`. */
      readonly changeId?: string | undefined;
    }
  | { readonly action: 'load-only' }
  /** Another process has stored the value. It is valid for the requests up to `validUpTo`. */
  | { readonly action: 'use-stored'; readonly entry: CachedEntry; readonly validUpTo: number };

/** The state of one request that asks for a lease. */
interface Acquisition extends Pick<LeaseRequester, 'key' | 'tags' | 'canWait'> {
  readonly expired?: CachedEntry | undefined;
  store: FetchStore;
  /** The id of the lease, if the request gets it. */
  readonly leaseId: string;
  readonly startedMs: number;
  stamps: Stamps | undefined;
  rejectedEntryId: string | undefined;
  /** The lease of another holder whose load is invalid. */
  takenOver: string | undefined;
  /** Whether the store has already given the lease to this request. */
  isHeld: boolean;
  attempts: number;
  pauseMs: number;
}

export const loadOnly: LeaseDecision = { action: 'load-only' };

/** The leases of one cache: those it holds and those it waits for. */
export class Leases {
  readonly #parts: LeaseParts;
  readonly #held: HeldLeases;
  readonly #pauses = new Set<() => void>();
  #isClosed = false;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#held = new HeldLeases(parts);
  }

  /** Without `canWait`, the decision is `load-only` if another process loads, or in the pause after a load has failed. */
  async acquire({ store, key, tags, miss, sequence, canWait }: LeaseRequester): Promise<LeaseDecision> {
    const acquisition: Acquisition = {
      ...{ store, key, tags, canWait },
      ...miss,
      leaseId: randomBytes(16).toString('base64url'),
      startedMs: this.#parts.clock.nowMs(),
      takenOver: undefined,
      isHeld: false,
      attempts: 0,
      pauseMs: pauseMsMin,
    };
    for (;;) {
      const step = await this.#attempt(acquisition, sequence);
      if (step === 'wait') await this.#wait(acquisition);
      else if (step !== 'repeat') return this.#decided(acquisition, step);
    }
  }

  /** Ends the leases held here: what their loads return is not stored, and no request waits for it. */
  endAll(): Promise<void> {
    return this.#held.endAll();
  }

  /** Ends every lease and every wait, so that other processes do not wait for the leases to expire. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#pauses) end();
    await this.endAll();
  }

  /** Asks the store once. */
  async #attempt(acquisition: Acquisition, sequence: () => number): Promise<LeaseDecision | 'repeat' | 'wait'> {
    const { key, tags, store, leaseId } = acquisition;
    // The tokens have changed with every attempt: constant invalidation, or a store that has no room for them.
    if (acquisition.attempts >= attemptsMax) return loadOnly;
    acquisition.attempts += 1;
    acquisition.stamps ??= await captureStamps({ store, emit: this.#parts.emit }, key, tags.all);
    const { stamps, rejectedEntryId, takenOver } = acquisition;
    if (stamps === undefined || this.#isClosed) return loadOnly;
    // The call is sent at the end of the tick, so its reply is valid for requests that arrive until then.
    let validUpTo = sequence();
    void endOfTick().then(() => (validUpTo = sequence()));
    const reply = await store.acquire(key.text, {
      lease: leaseId,
      stampsDigest: stampsDigestOf(stamps),
      leaseMs,
      rejectedEntryId,
      takenOver,
      tags: tags.all,
    });
    if (reply === undefined) return loadOnly;
    if (reply instanceof PendingReply) return this.#pending(acquisition, reply, stamps);
    return this.#evaluate(acquisition, { reply, stamps, validUpTo });
  }

  async #evaluate(
    acquisition: Acquisition,
    { reply, stamps, validUpTo }: { reply: LeaseReply; stamps: Stamps; validUpTo: number },
  ): Promise<LeaseDecision | 'repeat' | 'wait'> {
    const { key, tags, store, leaseId } = acquisition;
    const { state, text = '', remainingMs, tokens, holder, changeId } = reply;
    acquisition.isHeld ||= state === 'held';
    if (state === 'value') {
      const { emit, codecs } = this.#parts;
      const read = { text, remainingMs, tokens };
      const verdict = await checkEntry({ store, emit, codecs }, key, { tags, staleMs: 0, read });
      if (verdict.state === 'valid') return { action: 'use-stored', entry: verdict.entry, validUpTo };
      if (verdict.state === 'no-store') return loadOnly;
      acquisition.rejectedEntryId = verdict.entryId;
    }
    if (!areStamps(stamps, tags.all, tokens)) {
      // The tokens have changed since they were read. Ask again with the new ones; a lease that was given stays held.
      acquisition.stamps = stampsOf(tags.all, tokens);
      return 'repeat';
    }
    if (state === 'held') return { action: 'load-and-store', lease: this.#held.keep(key, leaseId), stamps };
    // After a failure, requests receive the value from before, until the next attempt.
    const { expired } = acquisition;
    if (state === 'open' && expired !== undefined && (await isStillValid(store, expired)))
      return { action: 'use-stored', entry: expired, validUpTo };
    if (!acquisition.canWait && (state === 'open' || state === 'taken')) return loadOnly;
    if (state === 'open') return { action: 'load-and-store', lease: undefined, stamps, changeId };
    if (state === 'value') return 'repeat';
    if (holder === undefined || isInvalidated(holder.stampsDigest, stamps)) {
      acquisition.takenOver = holder?.lease;
      return 'repeat';
    }
    if (this.#parts.clock.nowMs() - acquisition.startedMs < waitMsMax) return 'wait';
    this.#parts.emit({ type: 'lease-timeout', key: key.text, field: key.field, waitMs: waitMsMax });
    return loadOnly;
  }

  /** The request no longer waits for the store's reply, and loads. Whether it may store is known later. */
  #pending(acquisition: Acquisition, reply: PendingReply<LeaseReply>, stamps: Stamps): LeaseDecision {
    const lease = this.#held.keepPending(reply, { ...acquisition, stamps });
    this.#parts.background.run(lease);
    return { action: 'load-and-store', lease: new PendingReply(lease), stamps };
  }

  /** Waits for the holder of the lease, each time for longer. */
  async #wait(acquisition: Acquisition): Promise<void> {
    const { clock, random } = this.#parts;
    const { pauseMs, store } = acquisition;
    acquisition.attempts = 0;
    acquisition.pauseMs = Math.min(2 * pauseMs, pauseMsMax);
    acquisition.store = store.anew(); // the wait is not the store's delay
    const longMs = Math.max(pauseMs, this.#pauses.size * pauseMsPerWaiting);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = clock.after(longMs * (0.5 + random() / 2), end);
      this.#pauses.add(end);
    });
  }

  /** A lease that the store has given and that the decision does not use is given back. */
  #decided({ key, leaseId, isHeld }: Acquisition, decision: LeaseDecision): LeaseDecision {
    if (isHeld && decision.action !== 'load-and-store') this.#held.giveBack(key, leaseId);
    return decision;
  }
}

/** Whether the entry is still stored, and its tokens are unchanged. */
async function isStillValid(store: FetchStore, { entryRef }: CachedEntry): Promise<boolean> {
  const tags = Object.keys(entryRef.stamps);
  const confirmation = await store.confirm([entryRef], tags);
  return confirmation?.remainingMs[0] !== undefined && areStamps(entryRef.stamps, tags, confirmation.tokens);
}
