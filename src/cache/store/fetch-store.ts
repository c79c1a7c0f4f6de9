/**
 * The store as one fetch sees it. All calls of a fetch together wait no longer than one call may take, so a slow store, each of
 * whose replies arrives just in time, does not delay the request once per call. After a failure, the rest of the request, which
 * may be many fetches, bypasses the store.
 *
 * A call that is not waited for continues under its own deadline, so slowness alone does not open the circuit. Calls that store
 * values or create tokens are sent even if no time is left: a value is stamped, and expires when its writer intended.
 */
import type { Clock } from '../base/clock.ts';
import { isRefusal } from '../base/errors.ts';
import type { EntryVersion } from '../entry/entry.ts';
import type { PropertyNames } from '../entry/properties.ts';
import type { EmitEvent } from '../events/events.ts';
import type { RoundTrips } from './round-trip.ts';
import type { Confirmation, FillReply, LeasedWrite, LeaseRelease, LeaseReply, LeaseRequest } from './store.ts';
import type { Store, StoreRead, UnleasedWrite } from './store.ts';

/** For how long a request bypasses the store after a failure. */
const bypassMs = 1_000;

/** What all fetches share. */
export interface Guard {
  readonly store: Store;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
  readonly trips: RoundTrips;
  /** While there are any, no request asks the store, although it may be available. */
  readonly suspendedBy: Set<object>;
  /** When the store last failed for a request. A request that runs for a long time, such as a script's, asks again later. */
  readonly lastFailureMs: WeakMap<object, number>;
}

/** A reply that a fetch did not wait for. */
export class PendingReply<T> {
  /** Undefined if the store failed. Never rejects. */
  readonly answer: Promise<T | undefined>;

  constructor(answer: Promise<T | undefined>) {
    this.answer = answer;
  }
}

/** Each call resolves to undefined if the store failed or took too long. None of them rejects. */
export class FetchStore {
  readonly #guard: Guard;
  readonly #request: object;
  #leftMs: number;
  #hasRefused = false;

  constructor(guard: Guard, request: object) {
    this.#guard = guard;
    this.#request = request;
    this.#leftMs = guard.deadlineMs;
  }

  /** Whether this request does not ask the store. */
  get isBypassed(): boolean {
    const { clock, lastFailureMs, trips, suspendedBy } = this.#guard;
    const failedMs = lastFailureMs.get(this.#request) ?? -Infinity;
    return clock.nowMs() - failedMs < bypassMs || trips.isCircuitOpen || suspendedBy.size > 0;
  }

  /** Makes the request bypass the store, as after a call that failed. */
  bypass(): void {
    this.#guard.lastFailureMs.set(this.#request, this.#guard.clock.nowMs());
  }

  get isFull(): boolean {
    return this.#guard.trips.isFull;
  }

  /** Whether the store has refused a call of this fetch, for instance because its user may not run the command. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** The store for the same request, with a full time budget. */
  anew(): FetchStore {
    return new FetchStore(this.#guard, this.#request);
  }

  /** Whether it stores the properties of values apart. */
  get keepsProperties(): boolean {
    return this.#guard.store.readProperties !== undefined;
  }

  /** @param names The properties to read with the value, if it has any that are stored apart. */
  read(key: string, tags: readonly string[], names?: PropertyNames): Promise<StoreRead | undefined> {
    return this.#inTime('read', (store) =>
      names === undefined || store.readProperties === undefined
        ? store.read(key, tags)
        : store.readProperties(key, tags, names),
    );
  }

  confirm(entries: readonly EntryVersion[], tags: readonly string[]): Promise<Confirmation | undefined> {
    return this.#inTime('confirm', (store) => store.confirm(entries, tags));
  }

  tokens(tags: readonly string[]): Promise<(string | undefined)[] | undefined> {
    return this.#inTime('tokens', (store) => store.tokens(tags));
  }

  /** Tokens that arrive too late exist nevertheless, for the next fetch. */
  async capture(tags: readonly string[]): Promise<(string | undefined)[] | undefined> {
    const tokens = await this.#orLate('capture', (store) => store.capture(tags));
    return tokens instanceof PendingReply ? undefined : tokens;
  }

  /** Undefined also if it is not known whether the value was stored; `fill` likewise. */
  write(key: string, write: UnleasedWrite): Promise<FillReply | PendingReply<FillReply> | undefined> {
    return this.#orLate('write', async (store) => {
      const tokens = await store.write(key, write);
      return { isStored: tokens !== undefined, tokens: tokens ?? [] };
    });
  }

  /**
   * A lease that is given after the deadline is given back, because no request knows of it. A closed cache does not wait for the
   * reply, which may never arrive; the lease then expires.
   */
  acquire(key: string, request: LeaseRequest): Promise<LeaseReply | PendingReply<LeaseReply> | undefined> {
    const { lease } = request;
    return this.#orLate(
      'acquire',
      (store) => store.acquire(key, request),
      ({ state }) => (state === 'held' ? this.#guard.store.release(key, { lease, openMs: 0 }) : undefined),
    );
  }

  fill(key: string, write: LeasedWrite): Promise<FillReply | PendingReply<FillReply> | undefined> {
    return this.#orLate('fill', (store) => store.fill(key, write));
  }

  renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void> {
    return this.#inTime('renew', (store) => store.renew(key, renewal));
  }

  release(key: string, end: LeaseRelease): Promise<void> {
    return this.#inTime('release', (store) => store.release(key, end));
  }

  #inTime<T>(operation: string, call: (store: Store) => Promise<T>): Promise<T | undefined> {
    if (this.#leftMs > 0) return this.#ask(operation, call, { late: () => undefined });
    this.#guard.emit({ type: 'store-slow', operation });
    return Promise.resolve(undefined);
  }

  /** @param tooLate Called with a reply that nothing waits for, not even in the background. */
  #orLate<T>(
    operation: string,
    call: (store: Store) => Promise<T>,
    tooLate?: (answer: T) => unknown,
  ): Promise<T | PendingReply<T> | undefined> {
    return this.#ask(operation, call, { late: (answer) => new PendingReply(answer), tooLate });
  }

  /**
   * @param late Returns the result when the time is up; it is passed the reply that is still to come.
   * @param tooLate Called with a reply that arrives after the call's own deadline.
   */
  #ask<T, L>(
    operation: string,
    call: (store: Store) => Promise<T>,
    { late, tooLate }: { late: (answer: Promise<T | undefined>) => L; tooLate?: ((answer: T) => unknown) | undefined },
  ): Promise<T | L | undefined> {
    if (this.isBypassed) return Promise.resolve(undefined);
    const { store, trips, deadlineMs, emit } = this.#guard;
    const trip = trips.current();
    const patienceMs = this.#leftMs;
    return new Promise((resolve) => {
      let cancel = (): void => {};
      let settle = (answer: T | undefined): void => {
        cancel();
        this.#leftMs = Math.min(this.#leftMs, patienceMs - trip.elapsedMs);
        resolve(answer);
      };
      // From now on the reply goes to the pending result instead of to the fetch.
      const giveUp = (): void => {
        this.#leftMs = 0;
        emit({ type: 'store-slow', operation });
        resolve(late(new Promise((resolveLate) => void (settle = resolveLate))));
      };
      const onFailure = (error: unknown): void => {
        if (isRefusal(error)) this.#hasRefused = true;
        else this.bypass();
        if (tooLate !== undefined) void undoLate(called, tooLate);
        settle(undefined);
      };
      const called = trip.follow(operation, () => call(store), { onAnswer: (answer) => settle(answer), onFailure });
      if (patienceMs <= 0) giveUp();
      // If no time has been used yet, the deadline of the round trip suffices.
      else if (patienceMs < deadlineMs) cancel = trip.after(patienceMs, giveUp);
    });
  }
}

async function undoLate<T>(called: Promise<T>, undo: (answer: T) => unknown): Promise<void> {
  await called.then(undo).catch(() => {}); // the call has failed, or the one that undoes it has
}
