/**
 * Limits how many loads run at once, so that a cold cache does not overload the source. The others wait in order of arrival; hits never
 * wait. A load inside a load does not count: otherwise outer loads that hold all places would wait for inner ones for ever.
 */
import { LoadScope } from './scope/load-scope.ts';

/** Undefined if any number of loads may run at once. */
export function createBulkhead(placesMax: number | undefined): Bulkhead | undefined {
  return placesMax === undefined ? undefined : new Bulkhead(placesMax);
}

export class Bulkhead {
  #freePlaces: number;
  readonly #waiting: (() => void)[] = [];

  constructor(placesMax: number) {
    this.#freePlaces = placesMax;
  }

  /** Runs `load` once there is a place for it. */
  async run<T>(load: () => T | Promise<T>): Promise<T> {
    if (LoadScope.current() !== undefined) return await load();
    if (this.#freePlaces > 0) this.#freePlaces -= 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await load();
    } finally {
      // The place goes to the next one directly, so that no later load can take it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#freePlaces += 1;
      else next();
    }
  }
}
