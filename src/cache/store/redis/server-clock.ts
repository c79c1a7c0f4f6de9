/**
 * The time of the Redis server, told between two askings by this process' monotonic clock.
 *
 * A value is written with the point in time at which it ends, by the server's own clock: a SET that the server runs long
 * after it was sent (it hung, and the command has timed out here) then leaves no value that outlives its policy. With a
 * time to live instead, that would count from when the command is run.
 *
 * What is told is never later than the truth: a reply is heard after the server has read its clock, and what passed in
 * between is not added. So values end on time or by that much earlier, whatever the clocks of other machines say.
 */
import type { Clock } from '../../base/clock.ts';

/** Monotonic clocks drift by less than a tenth of a millisecond in a second. */
const keptMs = 1_000;

export class ServerClock {
  readonly #clock: Clock;
  #heard: { readonly serverMs: number; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the next round trip should ask for the time. */
  get isDue(): boolean {
    return this.#heard === undefined || this.#clock.nowMs() - this.#heard.atMs >= keptMs;
  }

  /** Milliseconds since 1970 on the server; undefined before it was asked. */
  nowMs(): number | undefined {
    return this.#heard && this.#heard.serverMs + this.#clock.nowMs() - this.#heard.atMs;
  }

  /** Takes over a reply to TIME, which is seconds and microseconds, as it arrives; tells the time. */
  hear([seconds, microseconds]: readonly (string | number)[]): number {
    const serverMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    this.#heard = { serverMs, atMs: this.#clock.nowMs() };
    return serverMs;
  }

  /** The next connection may be to another server. */
  forget(): void {
    this.#heard = undefined;
  }
}
