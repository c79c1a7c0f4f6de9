/**
 * The calls of one turn of the event loop, which a store answers in one round trip: they have one deadline, and when they
 * fail together that is one failure.
 *
 * Their time counts from the end of the turn, when they are sent, on the clock of deadlines: what this process does before
 * that, and while an answer waits to be read, is not the store's delay.
 */
import { CacheError, isRefusal } from '../base/errors.ts';
import type { ResponsiveClock } from './responsive-clock.ts';
import { endOfTick } from '../base/tick.ts';

export interface RoundTripParts {
  readonly clock: ResponsiveClock;
  readonly deadlineMs: number;
  /** The first call that failed, of those that were refused and of the others. */
  readonly onFault: (operation: string, error: unknown) => void;
  /** Hears once, when all calls are answered or the deadline has passed. */
  readonly onEnd: (hasFailed: boolean) => void;
}

export class RoundTrip {
  readonly #parts: RoundTripParts;
  #sentMs: number | undefined;
  /** The calls without an answer: what the deadline does to each. */
  readonly #open = new Set<() => void>();
  #isBoarding = true;
  #hasFailed = false;
  #wasRefused = false;
  /** What waits for the calls to be sent. */
  readonly #unsent = new Set<() => void>();
  #cancelDeadline = (): void => {};

  constructor(parts: RoundTripParts) {
    this.#parts = parts;
    void endOfTick().then(() => this.#send());
  }

  /** Until the turn is over, or a call is answered: what is asked after that is another round trip. */
  get isBoarding(): boolean {
    return this.#isBoarding;
  }

  /** How long the store has had its calls. */
  get elapsedMs(): number {
    return this.#sentMs === undefined ? 0 : this.#parts.clock.nowMs() - this.#sentMs;
  }

  /** Runs `task` so long after the calls were sent; the returned function calls it off. */
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

  /** What `call` gives; rejects at the deadline. */
  add<T>(operation: string, call: Promise<T>): Promise<T> {
    return new Promise((onAnswer, onFailure) => this.follow(operation, call, { onAnswer, onFailure }));
  }

  /**
   * As `add`, without a promise of its own: on Node 20 each is hooked, and a miss makes many. One of the two is called, once;
   * that the deadline has passed is a failure, `STORE_UNAVAILABLE`.
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
    this.#open.add(expire);
    const settle = (end: () => void): void => {
      if (!this.#open.delete(expire)) return;
      end();
      this.#goOn();
    };
    call.then(
      (answer) => settle(() => onAnswer(answer)),
      (error: unknown) => settle(() => failed(error)),
    );
  }

  #send(): void {
    this.#isBoarding = false;
    if (this.#open.size === 0) return;
    const { clock, deadlineMs } = this.#parts;
    this.#sentMs = clock.nowMs();
    for (const start of this.#unsent) start();
    this.#cancelDeadline = clock.after(deadlineMs, () => {
      const late = [...this.#open];
      this.#open.clear();
      for (const expire of late) expire();
      this.#goOn();
    });
  }

  #fail(operation: string, error: unknown): void {
    const isRefused = isRefusal(error);
    const isFirst = isRefused ? !this.#wasRefused : !this.#hasFailed;
    if (isRefused) this.#wasRefused = true;
    else this.#hasFailed = true;
    if (isFirst) this.#parts.onFault(operation, error);
  }

  #goOn(): void {
    this.#isBoarding = false;
    if (this.#open.size > 0) return;
    this.#cancelDeadline();
    this.#parts.onEnd(this.#hasFailed);
  }
}
