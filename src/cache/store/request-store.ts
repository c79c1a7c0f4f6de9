/**
 * The store as one fetch sees it. All calls of a fetch together wait no longer than one call may take, so that a slow store,
 * each of whose replies arrives just in time, does not delay the request once per call. After a failure, the rest of the request,
 * which may be many fetches, bypasses the store.
 *
 * A call that is not waited for continues under its own deadline. Calls that store values or create tokens are sent even if no
 * time is left. The circuit breaker learns how each call ends, so slowness alone does not open it. A late write does no harm:
 * the value is stamped, and expires when its writer intended.
 */
import type { Clock } from '../base/clock.ts';
import { isRefusal } from '../base/errors.ts';
import type { EmitEvent } from '../events/events.ts';
import type { ResponsiveClock } from './responsive-clock.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Confirmation, FillReply, LeaseReply, LeaseRequest, Store, StoreRead, StoreWrite } from './store.ts';
import type { EntryVersion } from '../entry/entry-ref.ts';

/** A reply that a fetch did not wait for. */
export class PendingReply<T> {
  /** Undefined if the store failed. Never rejects. */
  readonly answer: Promise<T | undefined>;

  constructor(answer: Promise<T | undefined>) {
    this.answer = answer;
  }
}

/** For how long a request bypasses the store after a failure. */
const bypassMs = 1_000;

export interface RequestStoreParts {
  readonly store: Store;
  /** The round trip that a call made now belongs to. */
  readonly currentTrip: () => RoundTrip;
  /** Whether no request may ask the store. */
  readonly isCircuitOpen: () => boolean;
  /** Whether the store takes no new values for now, though it still returns those it has. */
  readonly wasFull: () => boolean;
  readonly clock: Clock;
  readonly deadlineClock: ResponsiveClock;
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
  /** When the store last failed for a request. A request that runs for a long time, such as a script's, asks again later. */
  readonly lastFailureMs: WeakMap<object, number>;
}

type Tokens = (string | undefined)[];

type TooLate<T> = ((answer: T) => unknown) | undefined;

interface Asking<T> {
  readonly call: (store: Store) => Promise<T>;
  /** Called once, with the reply, or with undefined if the store failed. */
  readonly onEnd: (answer: T | undefined) => void;
  readonly tooLate?: TooLate<T>;
}

/** Each call resolves to undefined if the store failed or took too long. None of them rejects. */
export class RequestStore {
  readonly #parts: RequestStoreParts;
  readonly #request: object;
  #leftMs: number;
  #hasRefused = false;

  constructor(parts: RequestStoreParts, request: object) {
    this.#parts = parts;
    this.#request = request;
    this.#leftMs = parts.deadlineMs;
  }

  /** Whether this request does not ask the store. */
  get isBypassed(): boolean {
    const { clock, lastFailureMs, isCircuitOpen } = this.#parts;
    return clock.nowMs() - (lastFailureMs.get(this.#request) ?? -Infinity) < bypassMs || isCircuitOpen();
  }

  /** Makes the request bypass the store, as after a call that failed. */
  bypass(): void {
    this.#parts.lastFailureMs.set(this.#request, this.#parts.clock.nowMs());
  }

  /** Whether the store takes no new values. */
  get isFull(): boolean {
    return this.#parts.wasFull();
  }

  /** Whether the store has refused a call of this fetch, for instance because its user may not run the command. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** The store for the same request, with a full time budget. */
  anew(): RequestStore {
    return new RequestStore(this.#parts, this.#request);
  }

  read(key: string, tags: readonly string[]): Promise<StoreRead | undefined> {
    return this.#inTime('read', (store) => store.read(key, tags));
  }

  confirm(entries: readonly EntryVersion[], tags: readonly string[]): Promise<Confirmation | undefined> {
    return this.#inTime('confirm', (store) => store.confirm(entries, tags));
  }

  tokens(tags: readonly string[]): Promise<Tokens | undefined> {
    return this.#inTime('tokens', (store) => store.tokens(tags));
  }

  /** Tokens that arrive too late exist nevertheless, for the next fetch. */
  async capture(tags: readonly string[]): Promise<Tokens | undefined> {
    const tokens = await this.#orLate('capture', (store) => store.capture(tags));
    return tokens instanceof PendingReply ? undefined : tokens;
  }

  /** Undefined also if it is not known whether the value was stored; `fill` likewise. */
  write(key: string, write: StoreWrite): Promise<FillReply | PendingReply<FillReply> | undefined> {
    return this.#orLate('write', async (store) => ({ isStored: true, tokens: await store.write(key, write) }));
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
      ({ state }) => (state === 'held' ? this.#parts.store.release(key, { lease, openMs: 0 }) : undefined),
    );
  }

  fill(
    key: string,
    write: StoreWrite & { readonly lease: string },
  ): Promise<FillReply | PendingReply<FillReply> | undefined> {
    return this.#orLate('fill', (store) => store.fill(key, write));
  }

  renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void> {
    return this.#told('renew', (store) => store.renew(key, renewal));
  }

  release(key: string, end: { readonly lease: string; readonly openMs: number }): Promise<void> {
    return this.#told('release', (store) => store.release(key, end));
  }

  #told(operation: string, call: (store: Store) => Promise<void>): Promise<void> {
    const trip = this.#trip();
    if (trip === undefined) return Promise.resolve();
    return new Promise((onEnd) => this.#ask(trip, operation, { call, onEnd }));
  }

  #inTime<T>(operation: string, call: (store: Store) => Promise<T>): Promise<T | undefined> {
    if (this.#leftMs > 0) return this.#waited(operation, call, { late: () => undefined });
    this.#parts.emit({ type: 'store-slow', operation });
    return Promise.resolve(undefined);
  }

  /** @param tooLate Called with a reply that nothing waits for, not even in the background. */
  #orLate<T>(
    operation: string,
    call: (store: Store) => Promise<T>,
    tooLate?: (answer: T) => unknown,
  ): Promise<T | PendingReply<T> | undefined> {
    return this.#waited(operation, call, { late: (answer) => new PendingReply(answer), tooLate });
  }

  /**
   * @param late Returns the result when the time is up; it is passed the reply that is still to come.
   * @param tooLate Called with a reply that arrives after the call's own deadline.
   */
  #waited<T, L>(
    operation: string,
    call: (store: Store) => Promise<T>,
    { late, tooLate }: { late: (answer: Promise<T | undefined>) => L; tooLate?: TooLate<T> },
  ): Promise<T | L | undefined> {
    const trip = this.#trip();
    if (trip === undefined) return Promise.resolve(undefined);
    const { deadlineMs, emit } = this.#parts;
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
      this.#ask(trip, operation, { call, onEnd: (answer) => settle(answer), tooLate });
      if (patienceMs <= 0) giveUp();
      // If no time has been used yet, the deadline of the round trip suffices.
      else if (patienceMs < deadlineMs) cancel = trip.after(patienceMs, giveUp);
    });
  }

  /** The round trip for a call; undefined if the store is bypassed. */
  #trip(): RoundTrip | undefined {
    return this.isBypassed ? undefined : this.#parts.currentTrip();
  }

  #ask<T>(trip: RoundTrip, operation: string, { call, onEnd, tooLate }: Asking<T>): void {
    const called = call(this.#parts.store);
    const onFailure = (error: unknown): void => {
      if (isRefusal(error)) this.#hasRefused = true;
      else this.bypass();
      if (tooLate !== undefined) void callWhenSettled(called, tooLate);
      onEnd(undefined);
    };
    trip.follow(operation, called, { onAnswer: onEnd, onFailure });
  }
}

async function callWhenSettled<T>(called: Promise<T>, settle: (answer: T) => unknown): Promise<void> {
  try {
    await settle(await called);
  } catch {
    // The store has failed, or the undoing call has.
  }
}
