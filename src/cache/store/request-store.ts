/**
 * The store as one fetch sees it: its calls together are waited for no longer than a single call may take, so that a
 * slow store, whose every answer comes just in time, does not hold a request up once for each. And what has failed once is
 * left alone for the rest of the request, which may be many fetches.
 *
 * What is not waited for runs on under its own deadline; what stores, and makes tokens, is begun even where nothing is
 * left. The breaker hears how a call ends, so slowness that is no failure does not open it; and a write that comes late is
 * right all the same, being stamped, and ending when its writer said.
 */
import type { Clock } from '../base/clock.ts';
import { isRefusal } from '../base/errors.ts';
import type { EmitEvent } from '../events/events.ts';
import type { ResponsiveClock } from './responsive-clock.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Confirmation, FillReply, LeaseReply, LeaseRequest, Store, StoreRead, StoreWrite } from './store.ts';
import type { EntryVersion } from '../entry/entry-ref.ts';

/** An answer that a fetch has not waited for. */
export class PendingReply<T> {
  /** Undefined where the store failed. Never rejects. */
  readonly answer: Promise<T | undefined>;

  constructor(answer: Promise<T | undefined>) {
    this.answer = answer;
  }
}

/** For how long a request leaves a store alone that has failed it. */
const leftAloneMs = 1_000;

export interface RequestStoreParts {
  readonly store: Store;
  /** The round trip that a call made now goes along in. */
  readonly boarding: () => RoundTrip;
  /** Whether nobody is to ask the store, whatever he knows of it. */
  readonly isCircuitOpen: () => boolean;
  /** Whether it takes nothing new for now, though it serves what it has. */
  readonly wasFull: () => boolean;
  readonly clock: Clock;
  readonly deadlineClock: ResponsiveClock;
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
  /** When the store last failed a request. One that lasts, such as a script's, asks it again. */
  readonly lastFailureMs: WeakMap<object, number>;
}

type Tokens = (string | undefined)[];

type TooLate<T> = ((answer: T) => unknown) | undefined;

interface Asking<T> {
  readonly call: (store: Store) => Promise<T>;
  /** Hears once: the answer, or undefined where the store failed. */
  readonly onEnd: (answer: T | undefined) => void;
  readonly tooLate?: TooLate<T>;
}

/** Each call gives undefined where the store failed, or took too long. None of them rejects. */
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

  /** Whether nothing is asked of it. */
  get isBypassed(): boolean {
    const { clock, lastFailureMs, isCircuitOpen: isShut } = this.#parts;
    return clock.nowMs() - (lastFailureMs.get(this.#request) ?? -Infinity) < leftAloneMs || isShut();
  }

  /** The store has failed the request: it goes on without, as after a call that failed. */
  bypass(): void {
    this.#parts.lastFailureMs.set(this.#request, this.#parts.clock.nowMs());
  }

  /** Whether it stores nothing: what is loaded is not brought to it. */
  get isFull(): boolean {
    return this.#parts.wasFull();
  }

  /** Whether it has answered a call of this fetch with a refusal, as where its user may not run the command. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** The store for the same request, with all its time again. */
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

  /** Tokens that come too late are made all the same, for the next one. */
  async capture(tags: readonly string[]): Promise<Tokens | undefined> {
    const tokens = await this.#orLate('capture', (store) => store.capture(tags));
    return tokens instanceof PendingReply ? undefined : tokens;
  }

  /** Undefined also where it is not known whether the value was stored; `fill` likewise. */
  write(key: string, write: StoreWrite): Promise<FillReply | PendingReply<FillReply> | undefined> {
    return this.#orLate('write', async (store) => ({ isStored: true, tokens: await store.write(key, write) }));
  }

  /**
   * A lease that comes after its deadline is given back: nobody knows of it. A cache that is closed does not wait for that,
   * for it may never come; the lease then runs out.
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
    const trip = this.#board();
    if (trip === undefined) return Promise.resolve();
    return new Promise((onEnd) => this.#ask(trip, operation, { call, onEnd }));
  }

  #inTime<T>(operation: string, call: (store: Store) => Promise<T>): Promise<T | undefined> {
    if (this.#leftMs > 0) return this.#waited(operation, call, { late: () => undefined });
    this.#parts.emit({ type: 'store-slow', operation });
    return Promise.resolve(undefined);
  }

  /** @param tooLate Hears of an answer that nobody waits for, not even in the background. */
  #orLate<T>(
    operation: string,
    call: (store: Store) => Promise<T>,
    tooLate?: (answer: T) => unknown,
  ): Promise<T | PendingReply<T> | undefined> {
    return this.#waited(operation, call, { late: (answer) => new PendingReply(answer), tooLate });
  }

  /**
   * @param late What is given when the time is up, with what will then be answered.
   * @param tooLate Hears of an answer after the call's own deadline.
   */
  #waited<T, L>(
    operation: string,
    call: (store: Store) => Promise<T>,
    { late, tooLate }: { late: (answer: Promise<T | undefined>) => L; tooLate?: TooLate<T> },
  ): Promise<T | L | undefined> {
    const trip = this.#board();
    if (trip === undefined) return Promise.resolve(undefined);
    const { deadlineMs, emit } = this.#parts;
    const patienceMs = this.#leftMs;
    return new Promise((resolve) => {
      let cancel = (): void => {};
      let hear = (answer: T | undefined): void => {
        cancel();
        this.#leftMs = Math.min(this.#leftMs, patienceMs - trip.elapsedMs);
        resolve(answer);
      };
      // From then on it is not the fetch that hears, but what it was given instead.
      const giveUp = (): void => {
        this.#leftMs = 0;
        emit({ type: 'store-slow', operation });
        resolve(late(new Promise((resolveLate) => void (hear = resolveLate))));
      };
      this.#ask(trip, operation, { call, onEnd: (answer) => hear(answer), tooLate });
      if (patienceMs <= 0) giveUp();
      // Where nothing is spent as yet, the call's own deadline will do.
      else if (patienceMs < deadlineMs) cancel = trip.after(patienceMs, giveUp);
    });
  }

  /** The round trip that a call would go in; undefined where nothing is asked. */
  #board(): RoundTrip | undefined {
    return this.isBypassed ? undefined : this.#parts.boarding();
  }

  #ask<T>(trip: RoundTrip, operation: string, { call, onEnd, tooLate }: Asking<T>): void {
    const called = call(this.#parts.store);
    const onFailure = (error: unknown): void => {
      if (isRefusal(error)) this.#hasRefused = true;
      else this.bypass();
      if (tooLate !== undefined) void toldWhenItComes(called, tooLate);
      onEnd(undefined);
    };
    trip.follow(operation, called, { onAnswer: onEnd, onFailure });
  }
}

async function toldWhenItComes<T>(called: Promise<T>, hear: (answer: T) => unknown): Promise<void> {
  try {
    await hear(await called);
  } catch {
    // The store has failed altogether, or fails at what was to be undone.
  }
}
