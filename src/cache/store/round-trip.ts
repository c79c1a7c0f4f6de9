/**
 * The calls of one tick, which a store answers in one round trip. They share one deadline, and count as one failure if they
 * fail together.
 *
 * Their time counts from the end of the tick, when they are sent, on the clock of deadlines: what this process does before that,
 * and while a reply waits to be read, is not the store's delay.
 */
import { CacheError, isRefusal } from '../base/errors.ts';
import type { ResponsiveClock } from './responsive-clock.ts';
import { endOfTick } from '../base/tick.ts';

export interface RoundTripParts {
  readonly clock: ResponsiveClock;
  readonly deadlineMs: number;
  /** Called with the first call that failed, of those that were refused and of the others. */
  readonly onFault: (operation: string, error: unknown) => void;
  /** Called once, when every call is answered or the deadline has passed. */
  readonly onEnd: (hasFailed: boolean) => void;
}

export class RoundTrip {
  readonly #parts: RoundTripParts;
  #sentMs: number | undefined;
  /** What the deadline does to each call that has no reply yet. */
  readonly #unanswered = new Set<() => void>();
  #isOpen = true;
  #hasFailed = false;
  #wasRefused = false;
  /** Timers that start when the calls are sent. */
  readonly #unsent = new Set<() => void>();
  #cancelDeadline = (): void => {};

  constructor(parts: RoundTripParts) {
    this.#parts = parts;
    void endOfTick().then(() => this.#send());
  }

  /** Until the end of the tick, or the first reply: later calls belong to another round trip. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How long ago the calls were sent. */
  get elapsedMs(): number {
    return this.#sentMs === undefined ? 0 : this.#parts.clock.nowMs() - this.#sentMs;
  }

  /** Runs `task` this long after the calls were sent; the returned function cancels it. */
  after(delayMs: number, task: () => void): () => void {
    const { clock } = this.#parts;
    if (this.#sentMs !== undefined) return clock.after(delayMs, task);
    let cancel = (): void => {};
    const start = (): void => void (cancel = clock.after(delayMs, task));
    this.#unsent.add(start);
    return () => {
      this.#unsent.delete(start);
      cancel();
    };
  }

  /** Returns the reply to `call`; rejects at the deadline. */
  add<T>(operation: string, call: Promise<T>): Promise<T> {
    return new Promise((onAnswer, onFailure) => this.follow(operation, call, { onAnswer, onFailure }));
  }

  /**
   * The same without a promise of its own: on Node 20 each promise is hooked, and a miss creates many. Calls one of the two
   * functions, once. A passed deadline is a failure, `STORE_UNAVAILABLE`.
   */
  follow<T>(
    operation: string,
    call: Promise<T>,
    { onAnswer, onFailure }: { onAnswer: (answer: T) => void; onFailure: (error: unknown) => void },
  ): void {
    const failed = (error: unknown): void => {
      this.#fail(operation, error);
      onFailure(error);
    };
    const expire = (): void => {
      const { deadlineMs } = this.#parts;
      failed(new CacheError('STORE_UNAVAILABLE', `${operation}: no answer within ${deadlineMs} ms`));
    };
    this.#unanswered.add(expire);
    const settle = (end: () => void): void => {
      if (!this.#unanswered.delete(expire)) return;
      end();
      this.#settled();
    };
    call.then(
      (answer) => settle(() => onAnswer(answer)),
      (error: unknown) => settle(() => failed(error)),
    );
  }

  #send(): void {
    this.#isOpen = false;
    if (this.#unanswered.size === 0) return;
    const { clock, deadlineMs } = this.#parts;
    this.#sentMs = clock.nowMs();
    for (const start of this.#unsent) start();
    this.#cancelDeadline = clock.after(deadlineMs, () => {
      const late = [...this.#unanswered];
      this.#unanswered.clear();
      for (const expire of late) expire();
      this.#settled();
    });
  }

  #fail(operation: string, error: unknown): void {
    const isRefused = isRefusal(error);
    const isFirst = isRefused ? !this.#wasRefused : !this.#hasFailed;
    if (isRefused) this.#wasRefused = true;
    else this.#hasFailed = true;
    if (isFirst) this.#parts.onFault(operation, error);
  }

  #settled(): void {
    this.#isOpen = false;
    if (this.#unanswered.size > 0) return;
    this.#cancelDeadline();
    this.#parts.onEnd(this.#hasFailed);
  }
}
