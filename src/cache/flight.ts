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
 */
export class Flights<T> {
  readonly #board = new Map<string, Promise<T>>();
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

  /** The flight of `key`, if one is up. */
  get(key: string): Promise<T> | undefined {
    return this.#board.get(key);
  }

  /** Starts a flight of `key` and puts it on the board, in the place of one that is up. */
  start(key: string, run: () => Promise<T>): Promise<T> {
    const flight = run().finally(() => {
      if (this.#board.get(key) === flight) this.#board.delete(key);
    });
    this.#board.set(key, flight);
    return flight;
  }

  clearBoard(): void {
    this.#board.clear();
  }
}
