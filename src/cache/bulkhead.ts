/**
 * Limits how many loads run at once, so that a cold cache does not overload the source. The others wait in order of arrival; hits never
 * wait.
 *
 * A load takes its place before it takes the lease, so that no other process waits for a load that waits. A load inside a load needs no
 * place of its own: otherwise outer loads that have all places would wait for inner ones for ever. A load may also wait for one that it
 * did not begin, which cannot be known; so a load waits for ten seconds at most, and then begins without a place.
 */
import { AsyncContext } from '../async-context/index.ts';
import type { Clock } from './base/clock.ts';
import { sleep } from './base/sleep.ts';

const waitMsMax = 10_000;
/** A load that runs for longer does not keep its place, so that a source that never replies does not keep all of them. */
const loadMsMax = 30_000;

interface BulkheadOptions {
  readonly placesMax: number;
  readonly clock: Clock;
}

/** The place of one load. */
export interface Place {
  /** Runs the load, and leaves when it has ended, however long requests wait for it. */
  run<T>(load: () => T | Promise<T>): Promise<T>;
  /** Leaves, unless the load runs. */
  leave(): void;
}

/** Calls `work` with a place, and leaves that if no load runs there in the end. */
export async function withPlace<T>(
  bulkhead: Bulkhead | undefined,
  work: (place: Place | undefined) => Promise<T>,
): Promise<T> {
  if (bulkhead === undefined) return work(undefined);
  const place = await bulkhead.enter();
  try {
    return await work(place);
  } finally {
    place?.leave();
  }
}

export class Bulkhead {
  readonly #clock: Clock;
  readonly #placesMax: number;
  #freePlaces: number;
  /** In order of arrival. */
  readonly #waiting = new Set<() => void>();
  /** Whether the code that asks runs inside of a load that has a place. */
  readonly #inLoad = new AsyncContext<true>();

  constructor({ placesMax, clock }: BulkheadOptions) {
    this.#placesMax = placesMax;
    this.#freePlaces = placesMax;
    this.#clock = clock;
  }

  /** The number of loads that have a place. */
  get running(): number {
    return Math.max(0, this.#placesMax - this.#freePlaces);
  }

  /** The number of loads that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Waits for a place. Undefined if the load needs none, or has waited for too long. */
  async enter(): Promise<Place | undefined> {
    if (this.#inLoad.get() === true) return undefined;
    if (this.#freePlaces > 0) this.#freePlaces -= 1;
    else if (!(await this.#isGiven())) return undefined;
    return this.#place();
  }

  /** No load waits any more. */
  close(): void {
    this.#freePlaces = Infinity;
    for (const give of this.#waiting) give();
    this.#waiting.clear();
  }

  async #isGiven(): Promise<boolean> {
    const late = sleep(this.#clock, waitMsMax);
    let isGiven = false;
    let give = (): void => {};
    const given = new Promise<void>((resolve) => {
      give = () => {
        isGiven = true;
        resolve();
      };
    });
    this.#waiting.add(give);
    await Promise.race([given, late.promise]);
    late.cancel();
    this.#waiting.delete(give);
    return isGiven; // possibly given just when the time was over
  }

  #place(): Place {
    let isRunning = false;
    let isLeft = false;
    const leave = (): void => {
      if (!isLeft) this.#leave();
      isLeft = true;
    };
    return {
      run: async (load) => {
        isRunning = true;
        const late = sleep(this.#clock, loadMsMax);
        void late.promise.then(leave);
        try {
          return await this.#inLoad.run(true, load);
        } finally {
          late.cancel();
          leave();
        }
      },
      leave: () => isRunning || leave(),
    };
  }

  /** It goes to the next load directly, so that no later one can take it. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#freePlaces += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
