/**
 * Limits how many loads run at once, so that a cold cache does not overload the source. Further loads wait in order of arrival for a slot;
 * hits never wait.
 *
 * A load acquires its slot before it acquires the lease, so that no other process waits for a load that waits. A load inside a load needs no
 * slot: otherwise outer loads that hold all slots would wait for inner ones for ever. For the same reason a load begins at once when a load that
 * has a slot joins it. A load may also wait for one that it neither begins nor joins, which cannot be known. So if loads wait and no slot
 * has become free for ten seconds, as many of those that run lose their slots to them: also if the source hangs, no more than that begin at once.
 *
 * Source: the bulkhead pattern, M. Nygard, Release It!; https://resilience4j.readme.io/docs/bulkhead
 */
import { AsyncContext } from '../async-context/index.ts';
import type { Clock } from './base/clock.ts';
import { sleep } from './base/sleep.ts';

/** For so long loads wait while no slot becomes free. */
const stallMs = 10_000;
/** A load that runs for longer does not keep its slot, so that a source that never replies does not keep all of them. */
const loadMsMax = 30_000;

interface BulkheadOptions {
  readonly slotsMax: number;
  readonly clock: Clock;
}

/** The right of one load to run. */
export interface Slot {
  /** Runs the load, and releases the slot when it has ended, however long requests wait for it. */
  run<T>(load: () => T | Promise<T>): Promise<T>;
  /** Releases it, unless the load runs. */
  release(): void;
}

/** A load that may have to wait for its slot. */
export interface WaitingLoad {
  /** Lets it begin at once, without a slot: a load that has one waits for it. */
  beginNow: () => void;
  isWaiting: boolean;
  /** Called when it has waited. */
  onBegin: () => void;
}

interface Waiter {
  readonly end: (isGiven: boolean) => void;
  /** Whether no request waits for it: it does not begin while the source hangs. */
  readonly isDroppable: boolean;
}

/** A load that begins now, or waits. */
export const newWaitingLoad = (): WaitingLoad => ({ beginNow: () => {}, isWaiting: false, onBegin: () => {} });

/** Calls `work` with a slot, and releases that if no load runs in it in the end. */
export async function withSlot<T>(
  bulkhead: Bulkhead | undefined,
  work: (slot: Slot | undefined) => Promise<T>,
  wait: { readonly load?: WaitingLoad; readonly waitMsMax?: number } = {},
): Promise<T> {
  if (bulkhead === undefined) return work(undefined);
  const slot = await bulkhead.acquire(wait);
  try {
    return await work(slot);
  } finally {
    slot?.release();
  }
}

/** Runs a load in its slot, if it has one. */
export async function runIn<T>(slot: Slot | undefined, load: () => T | Promise<T>): Promise<T> {
  return await (slot === undefined ? load() : slot.run(load));
}

export class Bulkhead {
  readonly #clock: Clock;
  readonly #slotsMax: number;
  #freeSlots: number;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>();
  /** Functions that release the slots. */
  readonly #slots = new Set<() => void>();
  #cancelStall = (): void => {};
  readonly #inLoad = new AsyncContext<true>();

  constructor({ slotsMax, clock }: BulkheadOptions) {
    this.#slotsMax = slotsMax;
    this.#freeSlots = slotsMax;
    this.#clock = clock;
  }

  /** The number of loads that have a slot. */
  get running(): number {
    return Math.max(0, this.#slotsMax - this.#freeSlots);
  }

  /** The number of loads that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The number of loads that may begin now without waiting. */
  get free(): number {
    return this.#freeSlots;
  }

  /** Whether the code that asks runs inside of a load that has a slot. */
  get isInLoad(): boolean {
    return this.#inLoad.get() === true;
  }

  /**
   * Waits for a slot. Undefined if the load needs none, has to begin at once, or has waited for too long.
   *
   * @param waitMsMax Of a load in the background; until then, and only while slots become free, it waits. Default: without limit.
   */
  async acquire({
    load = newWaitingLoad(),
    waitMsMax,
  }: { readonly load?: WaitingLoad; readonly waitMsMax?: number } = {}): Promise<Slot | undefined> {
    if (this.isInLoad) return undefined;
    if (this.#freeSlots > 0) this.#freeSlots -= 1;
    else if (!(await this.#waitForSlot(load, waitMsMax))) return undefined;
    return this.#newSlot();
  }

  /** Runs a load that takes no slot, so that no other load waits for it. */
  async runBeside<T>(load: () => T | Promise<T>): Promise<T> {
    return await this.#inLoad.run(true, load);
  }

  /** All waiting loads begin, and from now on none waits. */
  close(): void {
    this.#freeSlots = Infinity;
    for (const { end } of this.#waiting) end(true);
  }

  /** @returns Whether it got one; otherwise it has waited for too long, or has to begin at once. */
  #waitForSlot(load: WaitingLoad, waitMsMax: number | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isGiven: boolean): void => {
        if (!this.#waiting.delete(waiter)) return;
        cancelLate();
        if (this.#waiting.size === 0) this.#cancelStall();
        load.isWaiting = false;
        load.onBegin();
        resolve(isGiven);
      };
      const waiter = { end, isDroppable: waitMsMax !== undefined };
      const cancelLate = waitMsMax === undefined ? () => {} : this.#clock.after(waitMsMax, () => end(false));
      load.beginNow = () => end(false);
      load.isWaiting = true;
      this.#waiting.add(waiter);
      if (this.#waiting.size === 1) this.#awaitSlot();
    });
  }

  #newSlot(): Slot {
    let isRunning = false;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#slots.delete(release);
      this.#handOn();
    };
    this.#slots.add(release);
    return {
      run: async (load) => {
        isRunning = true;
        const late = sleep(this.#clock, loadMsMax);
        void late.promise.then(release);
        try {
          return await this.#inLoad.run(true, load);
        } finally {
          late.cancel();
          release();
        }
      },
      release: () => isRunning || release(),
    };
  }

  /** A slot goes to the next load directly, so that no later one can take it. */
  #handOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#freeSlots += 1;
      return;
    }
    next.end(true);
    this.#awaitSlot();
  }

  /** From now on, the next slot has to become free in time. */
  #awaitSlot(): void {
    this.#cancelStall();
    if (this.#waiting.size === 0) return;
    this.#cancelStall = this.#clock.after(stallMs, () => {
      for (const { end, isDroppable } of this.#waiting) if (isDroppable) end(false);
      for (const release of [...this.#slots].slice(0, this.#waiting.size)) release();
    });
  }
}
