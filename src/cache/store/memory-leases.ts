import { randomUUID } from 'node:crypto';
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
  /** The ids of the last changes. */
  readonly #changes = new LRUCache<string, string>({
    max: leasesMax,
    dispose: (_id, _key, reason) => {
      if (reason === 'evict') this.#evictedId = randomUUID();
    },
  });
  /** The id of the change of any other key. It is new whenever one is evicted, which may cost loads. */
  #evictedId = '';
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives the lease of `key`, or reports who holds it. */
  acquire(
    key: string,
    { lease, stampsDigest, leaseMs, takenOver, isUnleased = false }: LeaseRequest,
  ): Pick<LeaseReply, 'state'> & Partial<Pick<LeaseReply, 'holder' | 'changeId'>> {
    const other = this.#current(key);
    if (isUnleased) return { state: 'open', changeId: this.changeIdOf(key) };
    if (other !== undefined) {
      if (other.lease === undefined) return { state: 'open', changeId: this.changeIdOf(key) };
      const holder = { lease: other.lease, stampsDigest: other.stampsDigest };
      if (other.lease !== lease && other.lease !== takenOver) return { state: 'taken', holder };
    }
    this.#set(key, { lease, stampsDigest }, leaseMs);
    return { state: 'held', changeId: this.changeIdOf(key) };
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

  /** Ends the lease of a key whose value was removed or changed. Loads without a lease notice it by the id of the change. */
  changed(key: string): void {
    this.end(key);
    this.#changes.set(key, randomUUID());
  }

  changeIdOf(key: string): string {
    return this.#changes.get(key) ?? this.#evictedId;
  }

  #current(key: string): Lease | undefined {
    const lease = this.#leases.get(key);
    return lease !== undefined && lease.endsAtMs > this.#clock.nowMs() ? lease : undefined;
  }

  #set(key: string, { lease, stampsDigest }: Omit<Lease, 'endsAtMs'>, lifeMs: number): void {
    this.#leases.set(key, { lease, stampsDigest, endsAtMs: this.#clock.nowMs() + lifeMs });
  }
}
