/** Makes one purge after the other, and waits in between for as long as it is told. */
import type { Background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';

/** The tags of one call of `onInvalidate`. */
export interface Batch {
  readonly tags: readonly string[];
  /** Whether it is the second purge of these tags. */
  readonly isRepeated: boolean;
}

interface PurgeLaneParts {
  /** The next batch, or how long there is none, in milliseconds: `Infinity` until `start` is called again. */
  readonly next: () => Batch | number;
  readonly purge: (batch: Batch) => Promise<void>;
  readonly background: Background;
  readonly clock: Clock;
}

export class PurgeLane {
  readonly #parts: PurgeLaneParts;
  #isRunning = false;
  #cancel = (): void => {};

  constructor(parts: PurgeLaneParts) {
    this.#parts = parts;
  }

  /** There may be a batch now. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#cancel();
    this.#parts.background.start(() => this.#run());
  }

  /** Cancels the wait. */
  stop(): void {
    this.#cancel();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what invalidates ends first, in all parts of the cache
    const { next, purge, clock } = this.#parts;
    let batch = next();
    while (typeof batch === 'object') {
      await purge(batch);
      batch = next();
    }
    this.#isRunning = false;
    if (batch < Infinity) this.#cancel = clock.after(batch, () => this.start());
  }
}
