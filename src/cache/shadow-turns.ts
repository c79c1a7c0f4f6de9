/**
 * The turns of shadow checks: two of their loads run at once in a process, and one of each field.
 *
 * A turn ends when its check needs it no more and its load has ended, also a load that the check has given up. So loads of a source that hangs do not accumulate, and a field
 * whose source hangs leaves the other turn to other fields. While a load runs that its check has given up, its field gets no turn.
 */
import type { Clock } from './base/clock.ts';

const turnsMax = 2;
const waitMsMax = 10_000;

/** The right of one check to load. */
export interface Turn {
  /** Runs the load. */
  run<T>(load: () => T | Promise<T>): Promise<T>;
  /** The check needs it no more: it ends, or, if its load runs, as soon as that has ended. */
  release(): void;
}

interface Waiting {
  readonly field: string;
  readonly end: (turn: Turn | undefined) => void;
}

export class ShadowTurns {
  readonly #clock: Clock;
  /** The fields that have a turn, and whether its check has given the load up. */
  readonly #fields = new Map<string, { isGivenUp: boolean }>();
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of turns that have not ended. */
  get size(): number {
    return this.#fields.size;
  }

  /** Whether a load of the field still runs that its check has given up. */
  isGivenUp(field: string): boolean {
    return this.#fields.get(field)?.isGivenUp === true;
  }

  /** Waits for a turn. Undefined after ten seconds, if a load of the field is given up meanwhile, and if this is closed. */
  acquire(field: string): Promise<Turn | undefined> {
    if (this.#isClosed || this.isGivenUp(field)) return Promise.resolve(undefined);
    if (this.#isFree(field)) return Promise.resolve(this.#newTurn(field));
    return new Promise((resolve) => {
      const end = (turn: Turn | undefined): void => {
        cancel();
        this.#waiting.delete(waiting);
        resolve(turn);
      };
      const waiting = { field, end };
      const cancel = this.#clock.after(waitMsMax, () => end(undefined));
      this.#waiting.add(waiting);
    });
  }

  /** Ends every wait, and every later one at once. */
  close(): void {
    this.#isClosed = true;
    for (const { end } of this.#waiting) end(undefined);
  }

  #isFree(field: string): boolean {
    return this.#fields.size < turnsMax && !this.#fields.has(field);
  }

  #newTurn(field: string): Turn {
    const state = { isGivenUp: false };
    this.#fields.set(field, state);
    let isRunning = false;
    const end = (): void => {
      this.#fields.delete(field);
      for (const waiting of this.#waiting) if (this.#isFree(waiting.field)) waiting.end(this.#newTurn(waiting.field));
    };
    return {
      run: async (load) => {
        isRunning = true;
        try {
          return await load();
        } finally {
          isRunning = false;
          if (state.isGivenUp) end();
        }
      },
      release: () => {
        if (!isRunning) return end();
        state.isGivenUp = true;
        for (const waiting of this.#waiting) if (waiting.field === field) waiting.end(undefined);
      },
    };
  }
}
