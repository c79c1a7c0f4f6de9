/**
 * The lease of a key: who holds it loads the value, in all processes on one store; the others wait for what he stores.
 * It spares loads. What makes reads right are the stamps, whoever loads.
 *
 * - *Acquire* gives the value where there is one that this request has not seen, else the lease, else word that it is taken. A
 *   value that the request has seen and rejected is named by its head: without that it would be given again and again. Who
 *   will probably miss (`miss-predictor.ts`) asks without having looked, and names tokens that he has not read: the reply tells.
 * - A lease says on which tokens its holder's load stands. When one of them has changed, what the holder will store is
 *   invalid, so a request does not wait for it: it takes over that lease, and no other one. It compares the tokens that came
 *   with the very reply that showed the lease; older ones would take it from a holder whose load stands on newer ones.
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
import type { Background } from './base/background.ts';
import type { Clock } from './base/clock.ts';
import { entryIdOf } from './entry/entry.ts';
import type { EmitEvent } from './events/events.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import type { Key } from './entry/key.ts';
import { judge, type Seen } from './lookup.ts';
import type { CachedEntry } from './entry/entry-ref.ts';
import { randomText } from './base/random-text.ts';
import { PendingReply, type RequestStore } from './store/request-store.ts';
import type { LeaseReply } from './store/store.ts';
import { areCurrent, stampsDigestOf, isInvalidated, stampsOf, type FetchTags, type Stamps } from './tags/tags.ts';
import { captureStamps } from './capture-stamps.ts';
import { endOfTick } from './base/tick.ts';

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
/** Where many wait in one process they ask less often, so that it asks for ten a millisecond at most. */
const pauseMsPerWait = 0.1;

export interface LeaseParts {
  /** For calls that no request waits for. */
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly background: Pick<Background, 'run'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** From 0 to 1: spreads the polls of those who wait. */
  readonly random: () => number;
}

export interface LeaseSeeker {
  /** For the calls of this request, which have one deadline. */
  readonly store: RequestStore;
  readonly tags: FetchTags;
  readonly seen: Seen;
  /** How many requests have come so far. */
  readonly arrived: () => number;
}

export type Permit =
  /** Without a lease where everyone may load, and store; with a late one it is not known as yet whether he may store. */
  | {
      readonly leave: 'to-store';
      readonly lease: HeldLease | PendingReply<HeldLease> | undefined;
      readonly stamps: Stamps;
    }
  /** To load for oneself, and not to store. */
  | { readonly leave: 'to-load' }
  /**
   * No need to load: another process did, while this request waited for it, or before. Right for those who came before
   * `provenFor`, and for that one.
   */
  | { readonly leave: 'none'; readonly found: CachedEntry; readonly provenFor: number; readonly hasWaited: boolean };

/** A lease that is renewed until one of its ends. */
export interface HeldLease {
  readonly token: string;
  /** It is not renewed any more: it is about to be filled. */
  letGo(): void;
  /** Ends it. For `openMs` from then on everyone loads for himself. Never rejects. */
  release(openMs: number): Promise<void>;
}

interface LateLease {
  readonly reply: PendingReply<LeaseReply>;
  readonly token: string;
  readonly tags: FetchTags;
  readonly stamps: Stamps;
  /** Whether an earlier answer has already given it. */
  readonly isHeld: boolean;
}

/** The leases of one cache: those that it holds, and those that it waits for. */
export class Leases {
  readonly #parts: LeaseParts;
  readonly #held = new Set<HeldLease>();
  readonly #pauses = new Set<() => void>();
  #isClosed = false;
  /** How often all leases were ended, those included that were still to come. */
  #ended = 0;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  async acquire(key: Key, { store: ofRequest, tags, seen, arrived }: LeaseSeeker): Promise<Permit> {
    const { background, clock, emit } = this.#parts;
    const token = randomText(16);
    const startedMs = clock.nowMs();
    let { stamps, head } = seen;
    let takenOver: string | undefined;
    let store = ofRequest;
    let isHeld = false;
    let hasWaited = false;
    const without = (permit: Permit): Permit => {
      if (isHeld) this.#giveBack(key, token);
      return permit;
    };
    for (let pauseMs = pauseMsMin, asked = 0; ; asked += 1) {
      // Tokens that are lost as soon as they are made: their store has no room for them.
      if (asked >= askedMax) return without({ leave: 'to-load' });
      stamps ??= await captureStamps({ store, emit }, key, tags.all);
      if (stamps === undefined || this.#isClosed) return without({ leave: 'to-load' });
      // Who comes before it is sent, at the end of the turn, is answered by it, too.
      let provenFor = arrived();
      void endOfTick().then(() => (provenFor = arrived()));
      const basis = stampsDigestOf(stamps);
      const reply = await store.acquire(key.text, {
        lease: token,
        stampsDigest: basis,
        leaseMs,
        rejectedEntryId: head,
        takenOver,
        tags: tags.all,
      });
      if (reply === undefined) return without({ leave: 'to-load' });
      if (reply instanceof PendingReply) {
        const lease = this.#whenItComes(key, { reply, token, tags, stamps, isHeld });
        background.run(lease);
        return { leave: 'to-store', lease: new PendingReply(lease), stamps };
      }
      isHeld ||= reply.state === 'held';
      if (reply.state === 'value') {
        const { text = '', remainingMs, tokens } = reply;
        const judged = await judge({ store, emit }, key, { tags, read: { text, remainingMs, tokens } });
        if (judged.found === 'entry') return without({ leave: 'none', found: judged, provenFor, hasWaited });
        head = judged.found === 'nothing' ? judged.head : entryIdOf(text);
      }
      if (!areCurrent(stamps, tags.all, reply.tokens)) {
        // What it said it stands on was void when it asked: it asks anew, and keeps what it got.
        stamps = stampsOf(tags.all, reply.tokens);
        continue;
      }
      if (reply.state === 'held') return { leave: 'to-store', lease: this.#keep(key, token), stamps };
      if (reply.state === 'open') return { leave: 'to-store', lease: undefined, stamps };
      if (reply.state === 'value') continue;
      const { holder } = reply;
      if (holder === undefined || isInvalidated(holder.stampsDigest, stamps)) {
        takenOver = holder?.lease;
        continue;
      }
      if (clock.nowMs() - startedMs >= waitMsMax) {
        emit({ type: 'lease-timeout', key: key.text, field: key.field, waitMs: waitMsMax });
        return { leave: 'to-load' };
      }
      await this.#pause(pauseMs);
      hasWaited = true;
      asked = 0;
      pauseMs = Math.min(2 * pauseMs, pauseMsMax);
      store = ofRequest.anew(); // the time of the wait is the holder's, not the store's
    }
  }

  /** Ends the leases that are held here: what their loads give is not stored, and nobody waits for it. */
  async endAll(): Promise<void> {
    this.#ended += 1;
    await Promise.all([...this.#held].map((lease) => lease.release(0)));
  }

  /** Ends all that is held, so that others need not wait for it to run out, and every wait. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#pauses) end();
    await this.endAll();
  }

  #giveBack({ text: key }: Key, token: string): void {
    this.#parts.background.run(this.#parts.guarded.request().release(key, { lease: token, openMs: 0 }));
  }

  /** The lease that nobody has waited for: kept where it stands on what was known before the load, else given back. */
  async #whenItComes(key: Key, { reply, token, tags, stamps, isHeld }: LateLease): Promise<HeldLease | undefined> {
    const ended = this.#ended;
    const its = await reply.answer;
    const stands = its !== undefined && areCurrent(stamps, tags.all, its.tokens);
    if (its?.state === 'held' && stands && this.#ended === ended) return this.#keep(key, token);
    if (isHeld || its?.state === 'held') this.#giveBack(key, token);
    return undefined;
  }

  #keep({ text: key }: Key, token: string): HeldLease {
    const { guarded, background, clock } = this.#parts;
    const startedMs = clock.nowMs();
    let cancel = (): void => {};
    // What fails to be renewed, or to be released, runs out. None of these calls rejects.
    const renewLater = (): void => {
      cancel = clock.after(renewEveryMs, () => {
        if (clock.nowMs() - startedMs >= renewedMsMax) return;
        background.run(guarded.request().renew(key, { lease: token, leaseMs }));
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
    const longMs = Math.max(pauseMs, this.#pauses.size * pauseMsPerWait);
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = clock.after(longMs * (0.5 + random() / 2), end);
      this.#pauses.add(end);
    });
  }
}
