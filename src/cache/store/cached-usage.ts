/** How much the store holds. Counting scans the whole store, so there is one count at a time, and its result is kept. */
import type { Clock } from '../base/clock.ts';
import type { StoreUsage } from './store.ts';

const keptMs = 2_000;

interface Count {
  readonly result: Promise<StoreUsage>;
  /** Undefined while it runs. */
  endedMs?: number;
}

export class CachedUsage {
  readonly #ask: () => Promise<StoreUsage>;
  readonly #clock: Clock;
  #kept: Count | undefined;
  /** Resolves when no count is running. */
  #idle: Promise<unknown> = Promise.resolve();

  constructor(ask: () => Promise<StoreUsage>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** The result of a count that runs, or that ended less than two seconds ago. */
  get(): Promise<StoreUsage> {
    const { endedMs = Infinity } = this.#kept ?? {};
    const isRecent = this.#clock.nowMs() - endedMs < keptMs;
    if (this.#kept === undefined || !isRecent) this.#kept = this.#count();
    return this.#kept.result;
  }

  /** What is running has counted what is no longer there. */
  forget(): void {
    this.#kept = undefined;
  }

  #count(): Count {
    const count: Count = { result: this.#idle.then(this.#ask) };
    this.#idle = count.result.then(
      () => (count.endedMs = this.#clock.nowMs()),
      () => {
        if (this.#kept === count) this.forget();
      },
    );
    return count;
  }
}
