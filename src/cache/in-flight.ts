/**
 * One load per key and process: who comes while it runs boards it instead of loading again (golang's singleflight).
 *
 * Who boards a load that began before an invalidation that he has seen acknowledged would get the old value. Therefore
 * - an invalidation in this process takes all flights off the board before it is acknowledged: those on board still land,
 *   nobody boards any more;
 * - an invalidation in another process cannot do that. So who boards a flight that took off before he came takes its value
 *   only if he came before its load began, or if the tokens, read again with the fill, are still those captured before the
 *   load, and he came before that reading was sent (`provenFor`): an invalidation may come while its answer is on the way.
 *   Else he starts over, and what is on the board by then took off after he came.
 *
 * Nor may a request get what was loaded for another: where a load reads the viewer, or the selection, and its key does not
 * contain that, its value or error is for the request that started it alone.
 *
 * A request that joins a load shares its failure too, with two exceptions, after which it starts over: the request that
 * began the load was aborted (`cancellation.ts`), and the load takes longer than a load may. Starting over after an aborted
 * request is not limited to once: each time one request less is left, and any number of clients may disconnect. Where only
 * the error claims that, it is limited.
 */
import type { Cancellation } from './scope/cancellation.ts';
import type { Clock } from './base/clock.ts';

/** Who has boarded a load waits no longer for it. */
const loadMsMax = 10_000;

export interface Flight {
  /** Whether its load has read what differs between requests: the viewer, or the selection. */
  isPersonal: boolean;
  /** Whether it failed because its request was aborted. */
  cancellation: Cancellation | undefined;
}

/** What a load brings to the requests that joined it, where its own request was aborted. */
export class Cancelled {
  readonly error: unknown;
  /** Whether the request is known to be aborted. */
  readonly isCertain: boolean;

  constructor(error: unknown, isCertain: boolean) {
    this.error = error;
    this.isCertain = isCertain;
  }
}

/** What a load brings to the requests that joined it; undefined where it brings nothing for others. */
export type Boarded<T> = T | Cancelled | undefined;

/** The flights of one process that are up. */
export class Flights<T> {
  readonly #clock: Clock;
  readonly #board = new Map<string, Promise<Boarded<T>>>();
  #arrived = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many requests have come so far. */
  get arrived(): number {
    return this.#arrived;
  }

  /** The number of a request that comes now: the first is 1. */
  arrive(): number {
    this.#arrived += 1;
    return this.#arrived;
  }

  /** What the flight of `key` brings to the requests that join it, if there is one. */
  get(key: string): Promise<Boarded<T>> | undefined {
    return this.#board.get(key);
  }

  /** Starts a flight of `key` and puts it on the board, in the place of one that is up. */
  start(key: string, run: (flight: Flight) => Promise<T>): Promise<T> {
    const { landing, boarded } = takeOff(this.#clock, run, () => {
      if (this.#board.get(key) === boarded) this.#board.delete(key);
    });
    this.#board.set(key, boarded);
    return landing;
  }

  clearBoard(): void {
    this.#board.clear();
  }
}

interface TakenOff<T> {
  /** What it brings to him who began it. */
  readonly landing: Promise<T>;
  /** What it brings to the others. */
  readonly boarded: Promise<Boarded<T>>;
}

/**
 * Begins a load that others may board.
 *
 * @param onEnd Hears once: when it has landed, or when they wait no longer for it.
 */
export function takeOff<T>(clock: Clock, run: (flight: Flight) => Promise<T>, onEnd: () => void): TakenOff<T> {
  const flight: Flight = { isPersonal: false, cancellation: undefined };
  let isUp = true;
  let cancel = (): void => {};
  const end = (): void => {
    cancel();
    if (isUp) onEnd();
    isUp = false;
  };
  const landing = run(flight).finally(end);
  const boarded = new Promise<Boarded<T>>((resolve, reject) => {
    cancel = clock.after(loadMsMax, () => {
      end();
      resolve(undefined);
    });
    landing.then(
      (landed) => resolve(flight.isPersonal ? undefined : landed),
      (error: unknown) => {
        const { cancellation, isPersonal } = flight;
        if (cancellation === 'certain') resolve(new Cancelled(error, true));
        else if (isPersonal) resolve(undefined);
        else if (cancellation === 'claimed') resolve(new Cancelled(error, false));
        else reject(error);
      },
    );
  });
  boarded.catch(() => {}); // there may be nobody on board
  return { landing, boarded };
}
