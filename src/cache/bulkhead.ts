/**
 * Limits how many loads run at once, so that a cold cache does not overload the source. Further loads wait in order of arrival for a slot;
 * hits never wait.
 *
 * A load acquires its slot before it acquires the lease, so that no other process waits for a load that waits. A load inside a load needs no
 * slot: otherwise outer loads that hold all slots would wait for inner ones for ever. For the same reason a load begins at once when a load that
 * has a slot joins it. A load may also wait for one that it neither begins nor joins, which cannot be known; so a load waits for ten seconds
 * at most, and then begins without a slot.
 *
 * Source: the bulkhead pattern, M. Nygard, Release It!; https://resilience4j.readme.io/docs/bulkhead
 */
import { AsyncContext } from '../async-context/index.ts';
import type { Clock } from './base/clock.ts';
import { sleep } from './base/sleep.ts';

const waitMsMax = 10_000;
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

/** A load that begins now, or waits. */
export const newWaitingLoad = (): WaitingLoad => ({ beginNow: () => {}, isWaiting: false, onBegin: () => {} });

/** Calls `work` with a slot, and releases that if no load runs in it in the end. */
export async function withSlot<T>(
  bulkhead: Bulkhead | undefined,
  work: (slot: Slot | undefined) => Promise<T>,
  load?: WaitingLoad,
): Promise<T> {
  if (bulkhead === undefined) return work(undefined);
  const slot = await bulkhead.acquire(load);
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
  readonly #waiting = new Set<() => void>();
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

  /** Waits for a slot. Undefined if the load needs none, has waited for too long, or has to begin at once. */
  async acquire(load: WaitingLoad = newWaitingLoad()): Promise<Slot | undefined> {
    if (this.isInLoad) return undefined;
    if (this.#freeSlots > 0) this.#freeSlots -= 1;
    else if (!(await this.#waitForSlot(load))) return undefined;
    return this.#newSlot();
  }

  /** Runs a load that takes no slot, so that no other load waits for it. */
  async runBeside<T>(load: () => T | Promise<T>): Promise<T> {
    return await this.#inLoad.run(true, load);
  }

  /** All waiting loads begin, and from now on none waits. */
  close(): void {
    this.#freeSlots = Infinity;
    for (const give of this.#waiting) give();
    this.#waiting.clear();
  }

  /** @returns False if that has taken too long, or is not waited for any more. */
  async #waitForSlot(load: WaitingLoad): Promise<boolean> {
    const late = sleep(this.#clock, waitMsMax);
    let isGiven = false;
    let give = (): void => {};
    const given = new Promise<void>((resolve) => {
      give = () => {
        isGiven = true;
        resolve();
      };
    });
    const now = new Promise<void>((resolve) => (load.beginNow = resolve));
    this.#waiting.add(give);
    load.isWaiting = true;
    await Promise.race([given, late.promise, now]);
    late.cancel();
    this.#waiting.delete(give);
    load.isWaiting = false;
    load.onBegin();
    return isGiven; // possibly given just when the wait was over
  }

  #newSlot(): Slot {
    let isRunning = false;
    let isReleased = false;
    const release = (): void => {
      if (!isReleased) this.#handOn();
      isReleased = true;
    };
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
    this.#waiting.delete(next);
    next();
  }
}
