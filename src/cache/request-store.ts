/**
 * The store as one fetch sees it: its calls together are waited for no longer than a single call may take, so that a
 * slow store, whose every answer comes just in time, does not hold a request up once for each. And what has failed once is
 * left alone for the rest of the request, which may be many fetches.
 *
 * What is not waited for runs on under its own deadline; what stores, and makes tokens, is begun even where nothing is
 * left. The breaker hears how a call ends, so slowness that is no failure does not open it; and a write that comes late is
 * right all the same, being stamped, and ending when its writer said.
 */
import type { Clock } from './clock.ts';
import { isRefusal } from './errors.ts';
import type { EmitEvent } from './events.ts';
import type { RoundTrip } from './round-trip.ts';
import type {
  Confirmation,
  EntryMark,
  FillReply,
  LeaseReply,
  LeaseRequest,
  Store,
  StoreRead,
  StoreWrite,
} from './store.ts';

/** An answer that a fetch has not waited for. */
export class Late<T> {
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
  readonly isShut: () => boolean;
  /** Whether it takes nothing new for now, though it serves what it has. */
  readonly wasFull: () => boolean;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
  /** When the store last failed a request. One that lasts, such as a script's, asks it again. */
  readonly lastFailureMs: WeakMap<object, number>;
}

interface Asked<T> {
  readonly trip: RoundTrip;
  readonly answer: Promise<T | undefined>;
}

type Tokens = (string | undefined)[];

/** Each call gives undefined where the store failed, or took too long. None of them rejects. */
export class RequestStore {
  readonly #parts: RequestStoreParts;
  readonly #request: object;
  #leftMs: number;

  constructor(parts: RequestStoreParts, request: object) {
    this.#parts = parts;
    this.#request = request;
    this.#leftMs = parts.deadlineMs;
  }

  /** Whether nothing is asked of it. */
  get isLeftAlone(): boolean {
    const { clock, lastFailureMs, isShut } = this.#parts;
    return clock.nowMs() - (lastFailureMs.get(this.#request) ?? -Infinity) < leftAloneMs || isShut();
  }

  /** The store has failed the request: it goes on without, as after a call that failed. */
  leaveAlone(): void {
    this.#parts.lastFailureMs.set(this.#request, this.#parts.clock.nowMs());
  }

  /** Whether it stores nothing: what is loaded is not brought to it. */
  get takesNothing(): boolean {
    return this.#parts.wasFull();
  }

  /** The store for the same request, with all its time again. */
  anew(): RequestStore {
    return new RequestStore(this.#parts, this.#request);
  }

  read(key: string, tags: readonly string[]): Promise<StoreRead | undefined> {
    return this.#inTime('read', (store) => store.read(key, tags));
  }

  confirm(entries: readonly EntryMark[], tags: readonly string[]): Promise<Confirmation | undefined> {
    return this.#inTime('confirm', (store) => store.confirm(entries, tags));
  }

  tokens(tags: readonly string[]): Promise<Tokens | undefined> {
    return this.#inTime('tokens', (store) => store.tokens(tags));
  }

  /** Tokens that come too late are made all the same, for the next one. */
  async capture(tags: readonly string[]): Promise<Tokens | undefined> {
    const tokens = await this.#orLate('capture', (store) => store.capture(tags));
    return tokens instanceof Late ? undefined : tokens;
  }

  /** Undefined also where it is not known whether the value was stored; `fill` likewise. */
  write(key: string, write: StoreWrite): Promise<FillReply | Late<FillReply> | undefined> {
    return this.#orLate('write', async (store) => ({ isStored: true, tokens: await store.write(key, write) }));
  }

  /**
   * A lease that comes after its deadline is given back: nobody knows of it. A cache that is closed does not wait for that,
   * for it may never come; the lease then runs out.
   */
  acquire(key: string, request: LeaseRequest): Promise<LeaseReply | Late<LeaseReply> | undefined> {
    const { lease } = request;
    return this.#orLate(
      'acquire',
      (store) => store.acquire(key, request),
      ({ state }) => (state === 'held' ? this.#parts.store.release(key, { lease, openMs: 0 }) : undefined),
    );
  }

  fill(key: string, write: StoreWrite & { readonly lease: string }): Promise<FillReply | Late<FillReply> | undefined> {
    return this.#orLate('fill', (store) => store.fill(key, write));
  }

  async renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void> {
    await this.#ask('renew', (store) => store.renew(key, renewal))?.answer;
  }

  async release(key: string, end: { readonly lease: string; readonly openMs: number }): Promise<void> {
    await this.#ask('release', (store) => store.release(key, end))?.answer;
  }

  async #inTime<T>(operation: string, call: (store: Store) => Promise<T>): Promise<T | undefined> {
    if (this.#leftMs <= 0) {
      this.#parts.emit({ type: 'store-slow', operation });
      return undefined;
    }
    const answer = await this.#orLate(operation, call);
    return answer instanceof Late ? undefined : answer;
  }

  /** @param tooLate Hears of an answer that nobody waits for, not even in the background. */
  async #orLate<T>(
    operation: string,
    call: (store: Store) => Promise<T>,
    tooLate?: (answer: T) => unknown,
  ): Promise<T | Late<T> | undefined> {
    const asked = this.#ask(operation, call, tooLate);
    if (asked === undefined) return undefined;
    const answer = await this.#waitFor(asked);
    if (answer instanceof Late) this.#parts.emit({ type: 'store-slow', operation });
    return answer;
  }

  #ask<T>(
    operation: string,
    call: (store: Store) => Promise<T>,
    tooLate?: (answer: T) => unknown,
  ): Asked<T> | undefined {
    if (this.isLeftAlone) return undefined;
    const trip = this.#parts.boarding();
    let isGivenUp = false;
    const called = call(this.#parts.store);
    const answer = trip.add(operation, called).catch((error: unknown) => {
      isGivenUp = true;
      if (!isRefusal(error)) this.leaveAlone();
      return undefined;
    });
    if (tooLate !== undefined) called.then((late) => (isGivenUp ? tooLate(late) : undefined)).catch(() => {});
    return { trip, answer };
  }

  async #waitFor<T>(asked: Asked<T>): Promise<T | Late<T> | undefined> {
    const { trip, answer } = asked;
    const patienceMs = this.#leftMs;
    if (patienceMs <= 0) return new Late(answer);
    // Where nothing is spent as yet, the call's own deadline will do.
    const given = await (patienceMs < this.#parts.deadlineMs ? answerWithin(patienceMs, asked) : answer);
    const isLate = given instanceof Late;
    this.#leftMs = isLate ? 0 : Math.min(this.#leftMs, patienceMs - trip.elapsedMs);
    return given;
  }
}

/** The answer, where it comes so soon after it was sent for. */
function answerWithin<T>(patienceMs: number, { trip, answer }: Asked<T>): Promise<T | Late<T> | undefined> {
  return new Promise((resolve) => {
    const cancel = trip.after(patienceMs, () => resolve(new Late(answer)));
    void answer.then(resolve).then(cancel);
  });
}
