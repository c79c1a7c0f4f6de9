/**
 * The lease of a key: who holds it loads the value, in all processes on one store; the others wait for what he stores.
 * It spares loads. What makes reads right are the stamps, whoever loads.
 *
 * - *Acquire* gives the value where one has come since this request looked, else the lease, else word that it is taken. A
 *   value that the request has seen and rejected is named by its head: without that it would be given again and again.
 * - A lease says on which tokens its holder's load stands. When they have changed, what he will store is void, and nobody
 *   waits for it: the lease is taken over, that one and no other. Who does so has read the tokens with the very reply that
 *   showed him the lease; by older ones he would take it from somebody whose load stands on newer ones.
 * - The holder renews while he loads. When he dies the lease runs out, and the next one to ask takes it.
 * - *Fill* stores only while the lease is still the holder's, and ends it.
 * - Where a load failed, or gave what cannot be stored, the lease stays for a moment as leave to load for oneself: else
 *   those who wait would do that one after another.
 *
 * A wait for a lease ends after three seconds at the latest, also where two loads in different processes wait for each
 * other. Who boards the flight of such a wait, in the same process, waits for the load too that follows it.
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
import type { LeaseReply } from './store.ts';
import { basisOf, captureStamps, stampsOf, type FetchTags, type Stamps } from './tags.ts';

/** How long a lease lives that nobody renews. */
const leaseMs = 1_000;
const renewEveryMs = 300;
/** A load that takes longer is not waited for. */
const renewedMsMax = 60_000;
/** For how long a request waits for the holder of a lease. */
const waitMsMax = 3_000;
/** How often a request asks in a row for what changes each time. */
const askedMax = 20;
const pauseMsMin = 2;
const pauseMsMax = 50;

export interface LeaseParts {
  /** For calls that no request waits for, and for polls. */
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** From 0 to 1: spreads the polls of those who wait. */
  readonly random: () => number;
}

/** What a request knows before it asks for the lease. */
export interface Seen {
  /** The tokens of its tags; undefined where one is missing. */
  readonly stamps: Stamps | undefined;
  /** The head of the value that it has rejected; undefined where there is none. */
  readonly head: string | undefined;
}

export interface LeaseRequest {
  /** For the calls of this request, which have one deadline. */
  readonly store: RequestStore;
  readonly tags: FetchTags;
  readonly seen: Seen;
  /** How many requests have come so far. */
  readonly arrived: () => number;
}

export type Permit =
  /** Without a lease where everyone may load, and store. */
  | { readonly leave: 'to-store'; readonly lease: HeldLease | undefined; readonly stamps: Stamps }
  /** To load for oneself, and not to store. */
  | { readonly leave: 'to-load' }
  /** No need to load: another process did. Right for those who came before `provenFor`, and for that one. */
  | { readonly leave: 'none'; readonly entry: Entry; readonly remainingMs: number; readonly provenFor: number };

/** A lease that is renewed until one of its ends. */
export interface HeldLease {
  readonly token: string;
  /** It is not renewed any more: it is about to be filled. */
  letGo(): void;
  /** Ends it. For `openMs` from then on everyone loads for himself. Never rejects. */
  release(openMs: number): Promise<void>;
}

/** The leases of one cache: those that it holds, and those that it waits for. */
export class Leases {
  readonly #parts: LeaseParts;
  readonly #held = new Set<HeldLease>();
  readonly #pauses = new Set<() => void>();
  #isClosed = false;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  async acquire(key: Key, { store: ofRequest, tags, seen, arrived }: LeaseRequest): Promise<Permit> {
    const { guarded, clock, emit } = this.#parts;
    const token = randomBytes(16).toString('base64url');
    const startedMs = clock.nowMs();
    let { stamps, head } = seen;
    let takenOver: string | undefined;
    let store = ofRequest;
    let isHeld = false;
    const without = (permit: Permit): Permit => {
      if (isHeld) void guarded.request().release(key.text, { lease: token, openMs: 0 });
      return permit;
    };
    for (let pauseMs = pauseMsMin, asked = 0; ; asked += 1) {
      // Tokens that are lost as soon as they are made: their store has no room for them.
      if (asked >= askedMax) return without({ leave: 'to-load' });
      stamps ??= await captureStamps({ store, emit }, key, tags.all);
      if (stamps === undefined || this.#isClosed) return without({ leave: 'to-load' });
      const provenFor = arrived();
      const basis = basisOf(stamps);
      const reply = await store.acquire(key.text, { lease: token, basis, leaseMs, head, takenOver, tags: tags.all });
      if (reply === undefined) return without({ leave: 'to-load' });
      isHeld ||= reply.state === 'held';
      const current = stampsOf(tags.all, reply.tokens);
      if (reply.state === 'value') {
        const found = await takenFrom(store, key, { reply, tags });
        if (typeof found === 'object') return without({ leave: 'none', ...found, provenFor });
        head = found;
      }
      if (current === undefined || basisOf(current) !== basis) {
        stamps = current; // what it said it stands on was void when it asked: it asks anew, and keeps what it got
        continue;
      }
      if (reply.state === 'held') return { leave: 'to-store', lease: this.#keep(key, token), stamps: current };
      if (reply.state === 'open') return { leave: 'to-store', lease: undefined, stamps: current };
      if (reply.state === 'value') continue;
      if (reply.holder?.basis !== basis) {
        takenOver = reply.holder?.lease;
        continue;
      }
      if (clock.nowMs() - startedMs >= waitMsMax) {
        emit({ type: 'lease-timeout', key: key.text, field: key.field, waitMs: waitMsMax });
        return { leave: 'to-load' };
      }
      await this.#pause(pauseMs);
      asked = 0;
      pauseMs = Math.min(2 * pauseMs, pauseMsMax);
      store = guarded.request(); // the time of the wait is the holder's, not the store's
    }
  }

  /** Ends the leases that are held here: what their loads give is not stored, and nobody waits for it. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#held].map((lease) => lease.release(0)));
  }

  /** Ends all that is held, so that others need not wait for it to run out, and every wait. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#pauses) end();
    await this.endAll();
  }

  #keep({ text: key }: Key, token: string): HeldLease {
    const { guarded, clock } = this.#parts;
    const startedMs = clock.nowMs();
    let cancel = (): void => {};
    // What fails to be renewed, or to be released, runs out. None of these calls rejects.
    const renewLater = (): void => {
      cancel = clock.after(renewEveryMs, () => {
        if (clock.nowMs() - startedMs >= renewedMsMax) return;
        void guarded.request().renew(key, { lease: token, leaseMs });
        renewLater();
      });
    };
    const letGo = (): void => {
      cancel();
      this.#held.delete(lease);
    };
    const release = (openMs: number): Promise<void> => {
      letGo();
      return guarded.request().release(key, { lease: token, openMs });
    };
    const lease: HeldLease = { token, letGo, release };
    this.#held.add(lease);
    renewLater();
    return lease;
  }

  #pause(pauseMs: number): Promise<void> {
    const { clock, random } = this.#parts;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = clock.after(pauseMs * (0.5 + random() / 2), end);
      this.#pauses.add(end);
    });
  }
}

/** The entry where it stands, else the head by which it is known from now on. */
async function takenFrom(
  store: RequestStore,
  key: Key,
  { reply, tags }: { reply: LeaseReply; tags: FetchTags },
): Promise<{ entry: Entry; remainingMs: number } | string> {
  const { text = '', remainingMs, tokens } = reply;
  const entry = decodeEntry(key, { text, remainingMs });
  const stands = entry !== undefined && (await entryStands(store, entry.stamps, { tags, tokens }));
  return stands === true ? { entry, remainingMs } : headOf(text);
}
