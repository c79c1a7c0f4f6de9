/**
 * Loads where the store is left alone. Nothing proves there that what a load brings is right for who comes while it runs:
 * who boarded it, as he would a flight, would wait for it in vain and load again.
 *
 * Instead the requests of a key gather in a *departure*: its load begins after all of them came, and what it brings is
 * right for each. The first who came loads; the others get what he gets.
 *
 * The loads of a key run side by side, an eighth of a load apart, by what the last one took. So nobody waits for much longer
 * than that, and the source is asked for one key by eight at most. Where all eight run, as they do at first, and when loads
 * become slower, the next departure waits until one of them lands.
 */
import type { Clock } from './base/clock.ts';
import { takeOff, type Boarded, type Flight } from './in-flight.ts';
import { endOfTick } from './base/tick.ts';

/** How many loads of one key run at once in one process; one that nobody waits for any more is not counted. */
const sideBySideMax = 8;

/** The loads of one key. */
interface Lane<T> {
  running: number;
  /** When the last one began. */
  beganMs: number;
  /** How long the last one to land has taken; 0 while none has. */
  loadMs: number;
  /** What the departure brings that can be joined. */
  boarding: Promise<Boarded<T>> | undefined;
  onLanding: () => void;
}

export type Departed<T> =
  | { readonly isShared: false; readonly landed: T }
  /** What another request's load brought. */
  | { readonly isShared: true; readonly landed: Boarded<T> };

/** The departures of one process. */
export class Departures<T> {
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many keys have loads that run. */
  get size(): number {
    return this.#lanes.size;
  }

  /** What a load of `key` brings that has not begun yet: it is `run` where nobody else waits for one. */
  async join(key: string, run: (flight: Flight) => Promise<T>): Promise<Departed<T>> {
    const lane = this.#lanes.get(key) ?? newLane<T>();
    this.#lanes.set(key, lane);
    if (lane.boarding !== undefined) return { isShared: true, landed: await lane.boarding };

    let begin = (_boarded: Promise<Boarded<T>>): void => {};
    lane.boarding = new Promise((resolve) => void (begin = resolve));
    lane.boarding.catch(() => {}); // there may be nobody on board
    await this.#leave(lane);
    // Nothing is awaited from here until the load has begun: who comes then joins the next one.
    lane.boarding = undefined;
    lane.running += 1;
    const beganMs = (lane.beganMs = this.#clock.nowMs());
    const { landing, boarded } = takeOff(this.#clock, run, () => {
      lane.running -= 1;
      lane.loadMs = this.#clock.nowMs() - beganMs;
      if (lane.running === 0 && lane.boarding === undefined) this.#lanes.delete(key);
      lane.onLanding();
    });
    begin(boarded);
    return { isShared: false, landed: await landing };
  }

  /** Resolves when the next load may begin: not before the end of the turn, so that those who come in it go together. */
  async #leave(lane: Lane<T>): Promise<void> {
    await endOfTick();
    for (;;) {
      const isFull = lane.running >= sideBySideMax;
      const waitMs = lane.beganMs + lane.loadMs / sideBySideMax - this.#clock.nowMs();
      if (lane.running === 0 || (!isFull && waitMs <= 0)) return;
      await this.#landing(lane, isFull ? undefined : waitMs);
    }
  }

  /** Resolves when one lands, or after so long. */
  #landing(lane: Lane<T>, waitMsMax: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = waitMsMax === undefined ? () => {} : this.#clock.after(waitMsMax, resolve);
      lane.onLanding = () => {
        cancel();
        resolve();
      };
    });
  }
}

function newLane<T>(): Lane<T> {
  return { running: 0, beganMs: -Infinity, loadMs: 0, boarding: undefined, onLanding: () => {} };
}
