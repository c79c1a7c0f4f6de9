/**
 * Opens when half of the last twenty round trips have failed. While the circuit is open, no fetch asks the store; a ping in the
 * background, never a request, checks whether it is back.
 */
import type { Clock } from '../base/clock.ts';
import type { EmitEvent } from '../events/events.ts';

const tripsWatched = 20;
const failuresMax = tripsWatched / 2;
const pingEveryMs = 250;

export class CircuitBreaker {
  readonly #ping: () => Promise<void>;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  /** Whether each of the last round trips failed, as a ring buffer. */
  readonly #failed: boolean[] = Array.from({ length: tripsWatched }, () => false);
  #next = 0;
  #failures = 0;
  #isOpen = false;
  #isStopped = false;
  #cancelPing = (): void => {};

  constructor({ ping, clock, emit }: { ping: () => Promise<void>; clock: Clock; emit: EmitEvent }) {
    this.#ping = ping;
    this.#clock = clock;
    this.#emit = emit;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  succeeded(): void {
    this.#record(false);
  }

  failed(): void {
    this.#record(true);
  }

  /** Stops pinging. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelPing();
  }

  #record(isFailure: boolean): void {
    if (this.#isOpen) return; // a round trip from before it opened
    this.#failures += Number(isFailure) - Number(this.#failed[this.#next]);
    this.#failed[this.#next] = isFailure;
    this.#next = (this.#next + 1) % tripsWatched;
    if (this.#failures < failuresMax) return;
    this.#isOpen = true;
    this.#emit({ type: 'breaker-opened' });
    this.#pingLater();
  }

  #pingLater(): void {
    if (this.#isStopped) return;
    this.#cancelPing = this.#clock.after(pingEveryMs, () => {
      this.#ping().then(
        () => this.#close(),
        () => this.#pingLater(),
      );
    });
  }

  #close(): void {
    this.#failed.fill(false);
    this.#failures = 0;
    this.#isOpen = false;
    this.#emit({ type: 'breaker-closed' });
  }
}
