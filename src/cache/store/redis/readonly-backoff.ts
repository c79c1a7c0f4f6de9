/**
 * Decides when to drop a connection because its server takes no writes.
 *
 * After a failover, the host name leads to the new primary, so the connection to the old one, which is READONLY now, is dropped at
 * once; the same applies to a failback some seconds later. If the name leads to a replica permanently, a new connection gains
 * nothing and loses the reads that are under way. So each attempt without a successful write doubles the pause before the next.
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

  /** Whether to drop the connection now, after a rejected write. */
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
