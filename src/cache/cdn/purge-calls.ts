/** Calls `onInvalidate`, for a limited time each. */
import type { Clock } from '../base/clock.ts';
import { CacheError } from '../base/errors.ts';
import { inTime } from '../base/in-time.ts';
import type { Batch } from './purge-lane.ts';

/** What a call of `onInvalidate` is about. */
export interface PurgeCall {
  /** Aborted after ten seconds, when the call counts as failed, and when `Cdn.close` waits no longer. */
  readonly signal: AbortSignal;
  /** Whether the tags were purged before, `repeatAfterMs` ago. */
  readonly isRepeated: boolean;
}

/** Purges these tags in the CDN; may return a promise. */
export type Purge = (tags: readonly string[], call: PurgeCall) => unknown;

const callMsMax = 10_000;

export class PurgeCalls {
  readonly #purge: Purge;
  readonly #clock: Clock;
  readonly #running = new Map<AbortController, Batch>();

  constructor(purge: Purge, clock: Clock) {
    this.#purge = purge;
    this.#clock = clock;
  }

  /** @throws Whatever it rejects with, or `CacheError` `PURGE_TIMEOUT`. */
  async make(batch: Batch): Promise<void> {
    const end = new AbortController();
    this.#running.set(end, batch);
    const lateError = (): Error => new CacheError('PURGE_TIMEOUT', `no result after ${callMsMax} ms`);
    const { tags, isRepeated } = batch;
    const call = async (): Promise<unknown> => await this.#purge([...tags], { signal: end.signal, isRepeated });
    try {
      await inTime(this.#clock, call(), { limitMs: callMsMax, lateError });
    } catch (error) {
      end.abort();
      throw error;
    } finally {
      this.#running.delete(end);
    }
  }

  /** Aborts the signals of the calls that run. @returns Their tags. */
  abort(): readonly string[] {
    const batches = [...this.#running.values()];
    for (const end of this.#running.keys()) end.abort();
    return batches.flatMap(({ tags }) => tags);
  }
}
