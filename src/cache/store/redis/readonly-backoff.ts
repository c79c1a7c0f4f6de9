/**
 * When a connection is given up because its server takes no writes.
 *
 * After a failover the name leads to the new primary, so the connection to the old one, now READONLY, is given up at once, and
 * so it is after the failback some seconds later. Where the name leads to a replica for good, a new connection gains nothing
 * and loses the reads that are under way. Hence each attempt without a successful write doubles the pause before the next.
 */
import type { Clock } from '../../base/clock.ts';

const pauseMsMin = 1_000;
const pauseMsMax = 30_000;

export class ReadonlyBackoff {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #pauseMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the connection is to be given up now, after a rejected write. */
  isDue(): boolean {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#lastMs < this.#pauseMs) return false;
    this.#lastMs = nowMs;
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, pauseMsMin), pauseMsMax);
    return true;
  }

  /** A write succeeded: the next rejected one is the first after a failover. */
  reset(): void {
    this.#pauseMs = 0;
  }
}
