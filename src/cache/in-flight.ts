/**
 * The loads that this process has in flight, by key: requests for one value share one load (golang's `singleflight`).
 *
 * A shared result must not be older than what a request may already know. So requests are numbered in order of arrival,
 * and each result states up to which of them it is valid (`validUpTo`): those that had arrived when its load began, or, if
 * the tokens are unchanged after the load, those that had arrived when they were read again.
 *
 * - *With the store*, a request joins a running load and checks `validUpTo` when it ends. If the result is too old, the request
 *   starts over. It must not receive the value of a load that began before an invalidation it has already seen acknowledged: an
 *   invalidation in another process changes the tokens, so the request may join such a load and then rejects its result; one
 *   in this process calls `forget`, so no later request joins it in vain.
 * - *Without the store*, no token can be checked, so a running load is of no use to later requests. They join the next load
 *   of the key, which has not begun yet. The loads of a key then run side by side, an eighth of a load apart: no request
 *   waits for much longer than one load, and at most eight loads of a key run at once. When all eight run, the next one
 *   waits until one of them ends. Loads of more than 10 s, and those of requests that load for themselves, are not counted.
 *
 * A request that joins a load shares its failure too, with three exceptions, after which it starts over: the request that
 * began the load was aborted (`scope/cancellation.ts`); the load read what differs between requests and is not part of its
 * key, so that its value or error belongs to the request that began it; or the load takes longer than 10 s.
 */
import { type Clock, endOfTick } from './base/clock.ts';
import { newWaitingLoad, type WaitingLoad } from './bulkhead.ts';
import type { Cancellation } from './scope/cancellation.ts';

/** Requests that joined a load wait no longer than this for it. */
const joinedMsMax = 10_000;
/** How many loads of one key run at once without the store. */
const sideBySideMax = 8;

/** What a load reports about itself while it runs. */
export interface InFlightLoad extends WaitingLoad {
  /** Whether it has read what differs between requests, such as the viewer, and is not part of its key. */
  isPersonal: boolean;
  /** Set if it failed because its request was aborted. */
  cancellation: Cancellation | undefined;
}

/** What joined requests receive if the request that began the load was aborted. */
export class Cancelled {
  readonly error: unknown;
  /** Whether the request is known to have been aborted; otherwise only the error claims it. */
  readonly isCertain: boolean;

  constructor(error: unknown, isCertain: boolean) {
    this.error = error;
    this.isCertain = isCertain;
  }
}

/** What joined requests receive; undefined if the result is not for them. */
export type JoinedResult<T> = T | Cancelled | undefined;

/** The result of the next load of a key: of the caller's own, or of one that another request began. */
type NextResult<T> =
  { readonly isShared: false; readonly result: T } | { readonly isShared: true; readonly result: JoinedResult<T> };

interface KeyLoads<T> {
  /** The newest load that requests may join while it runs. */
  joinable: Promise<JoinedResult<T>> | undefined;
  /** The tags whose tokens that load captures. */
  tags: readonly string[];
  /** What the newest load reports. */
  load: InFlightLoad | undefined;
  /** The load that has not begun yet. */
  next: Promise<JoinedResult<T>> | undefined;
  /** Whether that one shall not wait for a slot. */
  isNextUrgent: boolean;
  /** Loads that requests still wait for. */
  running: number;
  lastBeganMs: number;
  /** How long the load took that ended last; 0 before the first one has ended. */
  lastLoadMs: number;
  onEnd: () => void;
}

const newLoad = (): InFlightLoad => ({ isPersonal: false, cancellation: undefined, ...newWaitingLoad() });

export class InFlightLoads<T> {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, KeyLoads<T>>();
  #sequence = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of keys with a load. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The number of the request that arrived last. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The number of a request that arrives now: 1 for the first. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** The result of the running load of `key` that requests may join. */
  get(key: string): Promise<JoinedResult<T>> | undefined {
    return this.#byKey.get(key)?.joinable;
  }

  /** Begins a load of `key`, which later requests join instead of an older one. `tags`: those whose tokens it captures. */
  start(key: string, tags: readonly string[], run: (load: InFlightLoad) => Promise<T>): Promise<T> {
    const loads = this.#loadsOf(key);
    const { result, joined } = this.#begin(key, loads, { load: newLoad(), run });
    loads.joinable = joined;
    loads.tags = tags;
    return result;
  }

  /**
   * The result of a load of `key` that has not begun yet: the caller's own, unless another request already waits for one.
   *
   * @param ready Resolves when the load may begin.
   */
  async startNext(
    key: string,
    run: (load: InFlightLoad) => Promise<T>,
    ready: (load: InFlightLoad) => Promise<unknown> = async () => {},
  ): Promise<NextResult<T>> {
    const loads = this.#loadsOf(key);
    if (loads.next !== undefined) return { isShared: true, result: await loads.next };
    let join = (_joined: Promise<JoinedResult<T>>): void => {};
    loads.next = new Promise((resolve) => void (join = resolve));
    loads.next.catch(() => {}); // possibly no request joins it
    await this.#untilNextMayBegin(loads);
    const load = newLoad();
    loads.load = load;
    const isReady = ready(load);
    if (loads.isNextUrgent) load.beginNow();
    loads.isNextUrgent = false;
    await isReady;
    // Nothing is awaited between these two lines, so a request that arrives from now on waits for the load after this one.
    loads.next = undefined;
    const { result, joined } = this.#begin(key, loads, { load, run });
    join(joined);
    return { isShared: false, result: await result };
  }

  /**
   * Running loads that captured one of these tags can no longer be joined. Requests that have joined one still receive its result. A
   * load that touches a tag only while it runs is not found; the tokens reject its result.
   */
  forget(tags: readonly string[]): void {
    const forgotten = new Set(tags);
    for (const loads of this.#byKey.values())
      if (loads.joinable !== undefined && loads.tags.some((tag) => forgotten.has(tag))) loads.joinable = undefined;
  }

  /** The newest load of this key need not wait for a slot any more: a load that has one waits for it. */
  beginNow(key: string): void {
    const loads = this.#byKey.get(key);
    if (loads === undefined) return;
    loads.isNextUrgent = loads.next !== undefined;
    loads.load?.beginNow();
  }

  /** A running load of this key can no longer be joined. */
  forgetKey(key: string): void {
    const loads = this.#byKey.get(key);
    if (loads !== undefined) loads.joinable = undefined;
  }

  #loadsOf(key: string): KeyLoads<T> {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const loads: KeyLoads<T> = {
      joinable: undefined,
      tags: [],
      load: undefined,
      next: undefined,
      isNextUrgent: false,
      running: 0,
      lastBeganMs: -Infinity,
      lastLoadMs: 0,
      onEnd: () => {},
    };
    this.#byKey.set(key, loads);
    return loads;
  }

  #begin(
    key: string,
    loads: KeyLoads<T>,
    { load, run }: { load: InFlightLoad; run: (load: InFlightLoad) => Promise<T> },
  ): { result: Promise<T>; joined: Promise<JoinedResult<T>> } {
    loads.load = load;
    const beganMs = this.#clock.nowMs();
    loads.lastBeganMs = beganMs;
    loads.running += 1;
    let isOpen = true;
    let cancelTimeout = (): void => {};
    const end = (): void => {
      cancelTimeout();
      if (!isOpen) return;
      isOpen = false;
      loads.running -= 1;
      loads.lastLoadMs = this.#clock.nowMs() - beganMs;
      if (loads.joinable === joined) loads.joinable = undefined;
      if (loads.running === 0 && loads.next === undefined) this.#byKey.delete(key);
      loads.onEnd();
    };
    const result = run(load).finally(end);
    const joined = new Promise<JoinedResult<T>>((resolve, reject) => {
      const giveUp = (): void => (end(), resolve(undefined));
      load.onBegin = () => void (cancelTimeout = this.#clock.after(joinedMsMax, giveUp));
      if (!load.isWaiting) load.onBegin();
      result.then(
        (value) => resolve(load.isPersonal ? undefined : value),
        (error: unknown) => {
          const { cancellation, isPersonal } = load;
          if (cancellation === 'certain') resolve(new Cancelled(error, true));
          else if (isPersonal) resolve(undefined);
          else if (cancellation === 'claimed') resolve(new Cancelled(error, false));
          else reject(error);
        },
      );
    });
    joined.catch(() => {}); // possibly no request joins it
    return { result, joined };
  }

  /** At the end of the tick at the earliest, so that the requests of one tick share a load. */
  async #untilNextMayBegin(loads: KeyLoads<T>): Promise<void> {
    await endOfTick();
    for (;;) {
      const isFull = loads.running >= sideBySideMax;
      const waitMs = loads.lastBeganMs + loads.lastLoadMs / sideBySideMax - this.#clock.nowMs();
      if (loads.running === 0 || (!isFull && waitMs <= 0)) return;
      await this.#untilOneEnds(loads, isFull ? undefined : waitMs);
    }
  }

  #untilOneEnds(loads: KeyLoads<T>, waitMsMax: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = waitMsMax === undefined ? () => {} : this.#clock.after(waitMsMax, resolve);
      loads.onEnd = () => {
        cancel();
        resolve();
      };
    });
  }
}
