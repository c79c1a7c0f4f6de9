/**
 * The calls of one tick, which a store answers in one round trip. They share one deadline, and count as one failure if they
 * fail together: the circuit breaker counts round trips. `RoundTrips` are those of one store.
 *
 * Their time counts from the end of the tick, when they are sent, on the clock of deadlines: what this process does before that,
 * and while a reply waits to be read, is not the store's delay.
 */
import { endOfTick, type Clock } from '../base/clock.ts';
import { CacheError, isFull, isRefusal } from '../base/errors.ts';
import type { EmitEvent } from '../events/events.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { ResponsiveClock } from './responsive-clock.ts';

/** For how long a full store is sent no new values. */
const fullMs = 1_000;

interface RoundTripsParts {
  readonly clock: Clock;
  /** The deadline of a round trip. */
  readonly deadlineMs: number;
  readonly emit: EmitEvent;
  /** Asks the store for a sign of life, while the circuit is open. */
  readonly ping: () => Promise<void>;
}

export class RoundTrips {
  readonly #parts: RoundTripsParts;
  readonly #deadlineClock: ResponsiveClock;
  readonly #breaker: CircuitBreaker;
  #current: RoundTrip | undefined;
  #fullAtMs = -Infinity;

  constructor(parts: RoundTripsParts) {
    this.#parts = parts;
    const { clock, deadlineMs, emit } = parts;
    this.#deadlineClock = new ResponsiveClock(clock);
    const uncounted = { clock: this.#deadlineClock, deadlineMs, onFault: () => {}, onEnd: () => {} };
    const ping = (): Promise<void> => new RoundTrip(uncounted).add('ping', parts.ping);
    this.#breaker = new CircuitBreaker({ ping, clock, emit });
  }

  /** Whether no request may ask the store. */
  get isCircuitOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /** Whether the store takes no new values for now, though it still returns those it has. */
  get isFull(): boolean {
    return this.#parts.clock.nowMs() - this.#fullAtMs < fullMs;
  }

  /** The round trip that a call made now belongs to. */
  current(): RoundTrip {
    if (this.#current?.isOpen !== true) this.#current = this.start();
    return this.#current;
  }

  /** A round trip that no other call joins. */
  start(): RoundTrip {
    return new RoundTrip({
      clock: this.#deadlineClock,
      deadlineMs: this.#parts.deadlineMs,
      onFault: (operation, error) => this.#onFault(operation, error),
      onEnd: (hasFailed) => this.#count(hasFailed),
    });
  }

  /** Counts a call of several round trips, each under the deadline of the store's own commands. */
  async counted<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#count(false);
      return result;
    } catch (error) {
      this.#onFault(operation, error);
      this.#count(!isRefusal(error));
      throw error;
    }
  }

  /** Stops pinging. */
  stop(): void {
    this.#breaker.stop();
  }

  #onFault(operation: string, error: unknown): void {
    if (isFull(error)) this.#fullAtMs = this.#parts.clock.nowMs();
    this.#parts.emit({ type: 'store-failed', operation, error });
  }

  #count(hasFailed: boolean): void {
    if (hasFailed) this.#breaker.failed();
    else this.#breaker.succeeded();
  }
}

interface RoundTripParts {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Called with the first call that failed, of those that were refused and of the others. */
  readonly onFault: (operation: string, error: unknown) => void;
  /** Called once, when every call is answered or the deadline has passed. */
  readonly onEnd: (hasFailed: boolean) => void;
}

class RoundTrip {
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
  add<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return new Promise((onAnswer, onFailure) => void this.follow(operation, call, { onAnswer, onFailure }));
  }

  /**
   * The same without a promise of its own: on Node 20 each promise is hooked, and a miss creates many. Calls one of the two
   * functions, once. A passed deadline is a failure, `STORE_UNAVAILABLE`.
   *
   * @returns The promise of the call itself, which may settle after the deadline.
   */
  follow<T>(
    operation: string,
    call: () => Promise<T>,
    { onAnswer, onFailure }: { onAnswer: (answer: T) => void; onFailure: (error: unknown) => void },
  ): Promise<T> {
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
    const called = promiseOf(call);
    called.then(
      (answer) => settle(() => onAnswer(answer)),
      (error: unknown) => settle(() => failed(error)),
    );
    return called;
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

/** A store of the user's own may throw where it should reject. */
function promiseOf<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
