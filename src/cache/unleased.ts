/**
 * A refresh loads and stores although a value is stored, and another load holds the lease. What ends the load of a holder, a removal of the
 * value or a new property, changes an id that is read before the load. The value is stored only if the id is still the same.
 */
import { captureStamps } from './capture-stamps.ts';
import type { Key } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import { leaseMs } from './held-leases.ts';
import { loadOnly, type LeaseDecision } from './lease.ts';
import { PendingReply, type FetchStore } from './store/fetch-store.ts';

interface UnleasedParts {
  readonly store: FetchStore;
  readonly emit: EmitEvent;
}

/** Captures what a load without a lease depends on, in one round trip. */
export async function loadUnleased(parts: UnleasedParts, key: Key, tags: readonly string[]): Promise<LeaseDecision> {
  const request = { lease: '', stampsDigest: '', leaseMs, takenOver: undefined, rejectedEntryId: undefined, tags: [] };
  const [stamps, reply] = await Promise.all([
    captureStamps(parts, key, tags),
    parts.store.acquire(key.text, { ...request, isUnleased: true }),
  ]);
  if (stamps === undefined || reply === undefined || reply instanceof PendingReply) return loadOnly;
  return { action: 'load-and-store', lease: undefined, stamps, changeId: reply.changeId };
}
