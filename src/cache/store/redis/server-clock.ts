/**
 * The time of the Redis server, computed between two requests for it with this process' monotonic clock.
 *
 * A value is written with the point in time at which it expires, by the server's own clock. So a SET that the server runs long
 * after it was sent (it hung, and the command has timed out here) leaves no value that outlives its policy. A TTL would count
 * from the moment at which the command runs.
 *
 * The computed time is never later than the real one: a reply is read after the server has read its clock, and the time in
 * between is not added. So values expire on time or by that much earlier, whatever the clocks of other machines say.
 */
import type { Clock } from '../../base/clock.ts';

/** Monotonic clocks drift by less than a tenth of a millisecond in a second. */
const keptMs = 1_000;

export class ServerClock {
  readonly #clock: Clock;
  #observed: { readonly serverMs: number; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the next round trip should request the time. */
  get isDue(): boolean {
    return this.#observed === undefined || this.#clock.nowMs() - this.#observed.atMs >= keptMs;
  }

  /** Milliseconds since 1970 on the server; undefined before the first reply. */
  nowMs(): number | undefined {
    return this.#observed && this.#observed.serverMs + this.#clock.nowMs() - this.#observed.atMs;
  }

  /** Takes over a reply to TIME, in seconds and microseconds, on arrival; returns the time. */
  observe([seconds, microseconds]: readonly (string | number)[]): number {
    const serverMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    this.#observed = { serverMs, atMs: this.#clock.nowMs() };
    return serverMs;
  }

  /** The next connection may be to another server. */
  forget(): void {
    this.#observed = undefined;
  }
}
