/**
 * One load per key and process: who comes while it runs boards it instead of loading again (golang's singleflight).
 *
 * Who boards a load that began before an invalidation that he has seen acknowledged would get the old value. Therefore
 * - an invalidation in this process takes all flights off the board before it is acknowledged: those on board still land,
 *   nobody boards any more;
 * - an invalidation in another process cannot do that. So who boards a flight that took off before he came takes its value
 *   only if the tokens, read again with the fill, are still those captured before the load, and if he came before that
 *   reading was sent (`provenFor`): an invalidation may come while its answer is on the way. Else he starts over, and what
 *   is on the board by then took off after he came.
 *
 * Nor may he get what was loaded for somebody else: where the load of a public value turns out to look at who asks, what
 * it brings, be it an error, is for him alone who started it, whose request it ran for.
 */
export interface Flight {
  /** Whether its load has looked at who asks. */
  isPersonal: boolean;
}

/** The flights of one process that are up. */
export class Flights<T> {
  readonly #board = new Map<string, { readonly flight: Flight; readonly landing: Promise<T> }>();
  #arrived = 0;

  /** How many requests have come so far. */
  get arrived(): number {
    return this.#arrived;
  }

  /** The number of a request that comes now: the first is 1. */
  arrive(): number {
    this.#arrived += 1;
    return this.#arrived;
  }

  /** What the flight of `key` brings to others than him who started it, if one is up; undefined where it has nothing. */
  get(key: string): Promise<T | undefined> | undefined {
    const { flight, landing } = this.#board.get(key) ?? {};
    return landing?.then(
      (landed) => (flight?.isPersonal ? undefined : landed),
      (error: unknown) => {
        if (!flight?.isPersonal) throw error;
        return undefined;
      },
    );
  }

  /** Starts a flight of `key` and puts it on the board, in the place of one that is up. */
  start(key: string, run: (flight: Flight) => Promise<T>): Promise<T> {
    const flight: Flight = { isPersonal: false };
    const landing = run(flight).finally(() => {
      if (this.#board.get(key)?.flight === flight) this.#board.delete(key);
    });
    this.#board.set(key, { flight, landing });
    return landing;
  }

  clearBoard(): void {
    this.#board.clear();
  }
}
