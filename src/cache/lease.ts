/**
 * The lease of a key: who holds it loads the value, in all processes on one store; the others wait for what he stores.
 * It spares loads. What makes reads right are the stamps, whoever loads.
 *
 * - *Acquire* gives the value where one has come since this request looked, else the lease, else word that it is taken. A
 *   value that the request has seen and rejected is named by its head: without that it would be given again and again.
 * - A lease says on which tokens its holder's load stands. When they have changed, what he will store is void, and nobody
 *   waits for it: the lease is taken over.
 * - The holder renews while he loads. When he dies the lease runs out, and the next one to ask takes it.
 * - *Fill* stores only while the lease is still the holder's, and ends it.
 * - Where a load failed, or gave what cannot be stored, the lease stays for a moment as leave to load for oneself: else
 *   those who wait would do that one after another.
 *
 * Source: Nishtala et al., Scaling Memcache at Facebook (NSDI 2013), section 3.2.1, leases.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { decodeEntry, headOf, type Entry } from './entry.ts';
import type { EmitEvent } from './events.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Key } from './key.ts';
import { entryStands } from './lookup.ts';
import type { RequestStore } from './request-store.ts';
import { anyValue, type LeaseReply } from './store.ts';
import { basisOf, captureStamps, stampsOf, type Stamps } from './tags.ts';

/** How long a lease lives that nobody renews. */
export const leaseMs = 1_000;
const renewEveryMs = 300;
/** A load that takes longer is not waited for. */
const renewedMsMax = 10_000;
/** For how long a request waits for the holder of a lease. */
const waitMsMax = 3_000;
const pauseMsMin = 2;
const pauseMsMax = 50;

export interface LeaseParts {
  /** For the calls of this request, which have one deadline. */
  readonly store: RequestStore;
  /** For calls beside it: polls and renewals. */
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly random: () => number;
}

/** What a request knows before it asks for the lease. */
export interface Seen {
  /** The tokens of its tags; undefined where one is missing. */
  readonly stamps: Stamps | undefined;
  /** The head of the value that it has rejected, `anyValue` for one that is not ours; undefined where there is none. */
  readonly head: string | undefined;
}

export type Permit =
  | { readonly leave: 'to-store'; readonly lease: string; readonly stamps: Stamps }
  /** To load for oneself, and not to store. */
  | { readonly leave: 'to-load' }
  /** No need to load: another process did. */
  | { readonly leave: 'none'; readonly entry: Entry; readonly remainingMs: number };

/** @param tags All that the value is stamped with. */
export async function acquireLease(parts: LeaseParts, key: Key, { tags, seen }: { tags: readonly string[]; seen: Seen }): Promise<Permit> {
  const lease = randomBytes(16).toString('base64url');
  const startedMs = parts.clock.nowMs();
  let { stamps, head } = seen;
  let { store } = parts;
  for (let pauseMs = pauseMsMin; ; ) {
    stamps ??= await captureStamps(store, tags);
    if (stamps === undefined) return { leave: 'to-load' };
    const reply = await store.acquire(key.text, { lease, basis: basisOf(stamps), leaseMs, head, tags });
    const current = reply && stampsOf(tags, reply.tokens);
    if (reply?.state === 'held') {
      // Read after the lease was taken, and before the load begins.
      const captured = current ?? (await captureStamps(store, tags));
      return captured === undefined ? { leave: 'to-load' } : { leave: 'to-store', lease, stamps: captured };
    }
    if (reply === undefined || reply.state === 'open') return { leave: 'to-load' };
    if (reply.state === 'value') {
      const found = await takenFrom(store, key, { reply, current });
      if (typeof found === 'object') return { leave: 'none', ...found };
      head = found;
      stamps = current;
      continue;
    }
    stamps = current;
    if (parts.clock.nowMs() - startedMs >= waitMsMax) {
      parts.emit({ type: 'lease-timeout', key: key.text, field: key.field, waitMs: waitMsMax });
      return { leave: 'to-load' };
    }
    await pause(parts.clock, pauseMs * (0.5 + parts.random() / 2));
    pauseMs = Math.min(2 * pauseMs, pauseMsMax);
    store = parts.guarded.request(); // the time of the wait is the holder's, not the store's
  }
}

/** The entry where it stands, else the head by which it is known from now on. */
async function takenFrom(
  store: RequestStore,
  key: Key,
  { reply, current }: { reply: LeaseReply; current: Stamps | undefined },
): Promise<{ entry: Entry; remainingMs: number } | string> {
  const { text = '', remainingMs } = reply;
  const entry = remainingMs > 0 ? decodeEntry(key, text) : undefined;
  if (entry === undefined) return anyValue;
  const stands = current !== undefined && (await entryStands(store, entry.stamps, current));
  return stands === true ? { entry, remainingMs } : headOf(text);
}

/** Renews the lease until the returned function is called. */
export function keepLease({ guarded, clock }: LeaseParts, key: Key, lease: string): () => void {
  const startedMs = clock.nowMs();
  let cancel = (): void => {};
  const renewLater = (): void => {
    cancel = clock.after(renewEveryMs, () => {
      if (clock.nowMs() - startedMs >= renewedMsMax) return;
      void guarded.request().renew(key.text, { lease, leaseMs }); // never rejects; where it fails the lease runs out
      renewLater();
    });
  };
  renewLater();
  return () => cancel();
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
