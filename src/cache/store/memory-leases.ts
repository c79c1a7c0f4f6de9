import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import type { LeaseReply, LeaseRequest } from './store.ts';

interface Lease {
  /** Its id; undefined while it is open to all. */
  readonly lease: string | undefined;
  readonly stampsDigest: string;
  readonly endsAtMs: number;
}

/** Bounds memory. A lease that is evicted costs a second load. */
const leasesMax = 10_000;

/** The leases of a store that only one process uses. */
export class MemoryLeases {
  readonly #leases = new LRUCache<string, Lease>({ max: leasesMax });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives the lease of `key`, or reports who holds it. */
  acquire(
    key: string,
    { lease, stampsDigest, leaseMs, takenOver }: LeaseRequest,
  ): Pick<LeaseReply, 'state'> & Partial<Pick<LeaseReply, 'holder'>> {
    const other = this.#current(key);
    if (other !== undefined) {
      if (other.lease === undefined) return { state: 'open' };
      const holder = { lease: other.lease, stampsDigest: other.stampsDigest };
      if (other.lease !== lease && other.lease !== takenOver) return { state: 'taken', holder };
    }
    this.#set(key, { lease, stampsDigest }, leaseMs);
    return { state: 'held' };
  }

  isHeld(key: string, lease: string): boolean {
    return this.#current(key)?.lease === lease;
  }

  /** Prolongs the lease, if it is still held. */
  renew(key: string, lease: string, leaseMs: number): void {
    const held = this.#current(key);
    if (held?.lease === lease) this.#set(key, held, leaseMs);
  }

  /** Ends the lease, if it is still held. For `openMs` from then on, every request may load for itself. */
  release(key: string, lease: string, openMs: number): void {
    if (!this.isHeld(key, lease)) return;
    if (openMs === 0) this.end(key);
    else this.#set(key, { lease: undefined, stampsDigest: '' }, openMs);
  }

  end(key: string): void {
    this.#leases.delete(key);
  }

  #current(key: string): Lease | undefined {
    const lease = this.#leases.get(key);
    return lease !== undefined && lease.endsAtMs > this.#clock.nowMs() ? lease : undefined;
  }

  #set(key: string, { lease, stampsDigest }: Omit<Lease, 'endsAtMs'>, lifeMs: number): void {
    this.#leases.set(key, { lease, stampsDigest, endsAtMs: this.#clock.nowMs() + lifeMs });
  }
}
