/** The leases that this process holds. Each is renewed until it is filled or released. */
import type { Background } from './base/background.ts';
import type { Clock } from './base/clock.ts';
import type { Key } from './entry/key.ts';
import type { PendingReply } from './store/fetch-store.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import type { LeaseRelease, LeaseReply } from './store/store.ts';
import type { FetchTags, Stamps } from './tags/tags.ts';
import { areStamps } from './tags/validity.ts';

/** A lease that is not renewed expires after this time. */
export const leaseMs = 1_000;
const renewEveryMs = 300;
/** Other requests do not wait for a load that takes longer. */
const renewedMsMax = 60_000;

/** How a lease ends. */
export type LeaseEnd = Omit<LeaseRelease, 'lease'>;

export interface HeldLease {
  readonly id: string;
  /** Stops renewing it: it is about to be filled. */
  stopRenewing(): void;
  /** Ends it. Never rejects. */
  release(end: LeaseEnd): Promise<void>;
}

/** A lease that was requested, and whose reply no request waits for any more. */
interface PendingLease {
  readonly key: Key;
  readonly leaseId: string;
  readonly tags: FetchTags;
  /** The tokens that the load depends on. */
  readonly stamps: Stamps;
  /** Whether an earlier reply has already given the lease. */
  readonly isHeld: boolean;
}

interface HeldLeasesParts {
  readonly guarded: Pick<GuardedStore, 'forFetch'>;
  readonly background: Pick<Background, 'run'>;
  readonly clock: Clock;
}

export class HeldLeases {
  readonly #parts: HeldLeasesParts;
  readonly #held = new Set<HeldLease>();
  /** How often all leases were ended; that includes leases whose reply is still pending. */
  #endings = 0;

  constructor(parts: HeldLeasesParts) {
    this.#parts = parts;
  }

  /** Renews the lease, which the store has given under `leaseId`. */
  keep({ text: key }: Key, leaseId: string): HeldLease {
    const { guarded, background, clock } = this.#parts;
    const startedMs = clock.nowMs();
    let cancel = (): void => {};
    // A lease that cannot be renewed or released expires. None of these calls rejects.
    const renewLater = (): void => {
      cancel = clock.after(renewEveryMs, () => {
        if (clock.nowMs() - startedMs >= renewedMsMax) return;
        background.run(guarded.forFetch().renew(key, { lease: leaseId, leaseMs }));
        renewLater();
      });
    };
    const stopRenewing = (): void => {
      cancel();
      this.#held.delete(lease);
    };
    const release = (end: LeaseEnd): Promise<void> => {
      stopRenewing();
      return guarded.forFetch().release(key, { lease: leaseId, ...end });
    };
    const lease: HeldLease = { id: leaseId, stopRenewing, release };
    this.#held.add(lease);
    renewLater();
    return lease;
  }

  /**
   * Keeps a pending lease if the tokens are still those that the load depends on, and its key has not changed lately; otherwise gives it back.
   * The store may have given it after the load began, so a change in between has not ended it.
   */
  async keepPending(reply: PendingReply<LeaseReply>, pending: PendingLease): Promise<HeldLease | undefined> {
    const { key, leaseId, tags, stamps, isHeld } = pending;
    const endings = this.#endings;
    const answer = await reply.answer;
    const isGiven = answer?.state === 'held';
    const isUnchanged = isGiven && areStamps(stamps, tags.all, answer.tokens) && answer.changeId === '';
    if (isUnchanged && this.#endings === endings) return this.keep(key, leaseId);
    if (isGiven || isHeld) this.giveBack(key, leaseId);
    return undefined;
  }

  /** Ends a lease that is not used. */
  giveBack({ text: key }: Key, leaseId: string): void {
    this.#parts.background.run(this.#parts.guarded.forFetch().release(key, { lease: leaseId, openMs: 0 }));
  }

  async endAll(): Promise<void> {
    this.#endings += 1;
    await Promise.all([...this.#held].map((lease) => lease.release({ openMs: 0 })));
  }
}
