import type { Clock } from './clock.ts';

/** Waits that end at once when their owner is closed. */
export class Waits {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves with the result of `work`, or with undefined if this is closed first. In that case, and after `limitMs`, `work` continues and its
   * result is ignored.
   *
   * @throws What `work` rejects with; `lateError()` after `limitMs`.
   */
  until<T>(
    work: Promise<T>,
    { limitMs, lateError }: { limitMs: number; lateError: () => Error },
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = this.#begin(limitMs, { onTime: () => reject(lateError()), onEnd: () => resolve(undefined) });
      work.then(resolve, reject).finally(end);
    });
  }

  /** Resolves after `delayMs`, or when this is closed. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#begin(delayMs, { onTime: () => {}, onEnd: resolve }));
  }

  /** Ends all waits, and every later one at once. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#ends) end();
  }

  #begin(delayMs: number, { onTime, onEnd }: { onTime: () => void; onEnd: () => void }): () => void {
    let cancel = (): void => {};
    const end = (): void => {
      cancel();
      this.#ends.delete(end);
      onEnd();
    };
    this.#ends.add(end);
    if (this.#isClosed) end();
    else {
      cancel = this.#clock.after(delayMs, () => {
        onTime();
        end();
      });
    }
    return end;
  }
}
