/**
 * Purges a CDN: calls `onInvalidate` with tags until it has succeeded, and once more a while later.
 *
 * One call runs at a time, and what is added meanwhile is purged by the next one. Nothing here delays or fails an invalidation.
 *
 * The second purge is for responses that were on their way to the CDN:
 *   1. a request gets a response from the old value,  2. the value is invalidated, and the CDN purged,  3. the response arrives at the CDN,
 *   which keeps it.
 */
import { Background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import { CacheError } from '../base/errors.ts';
import { inTime } from '../base/in-time.ts';
import type { EmitEvent } from '../events/events.ts';

/** What a call of `onInvalidate` is about. */
export interface PurgeCall {
  /** Aborted after ten seconds, when the call counts as failed. */
  readonly signal: AbortSignal;
  /** Whether the tags were purged before, `repeatAfterMs` ago. */
  readonly isRepeated: boolean;
}

interface PurgeQueueParts {
  readonly purge: (tags: readonly string[], call: PurgeCall) => unknown;
  readonly repeatAfterMs: number;
  readonly tagsPerCallMax: number;
  /** Purges every response. Takes the place of too many tags. */
  readonly everything: string;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** What is purged by one call. */
interface Batch {
  readonly tags: readonly string[];
  readonly isRepeated: boolean;
}

const callMsMax = 10_000;
/** Between two attempts: twice as long each time. */
const retryMsMin = 1_000;
const retryMsMax = 30_000;
/** While the CDN cannot be reached. */
const waitingTagsMax = 10_000;

export class PurgeQueue {
  readonly #parts: PurgeQueueParts;
  readonly #background = new Background();
  /** In the order in which they were added. */
  #first = new Set<string>();
  #repeated = new Set<string>();
  /** Batches that are purged again later, with the functions that cancel their timers. */
  readonly #later = new Map<readonly string[], () => void>();
  #wasRepeated = false;
  /** How many tags the next call receives at most. */
  #size: number;
  #failures = 0;
  #isRunning = false;
  #isClosed = false;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: PurgeQueueParts) {
    this.#parts = parts;
    this.#size = parts.tagsPerCallMax;
  }

  add(tags: readonly string[]): void {
    this.#first = this.#joined(this.#first, tags);
    this.#start();
  }

  /** Purges at once what is waiting, including second purges, until a call fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    for (const [tags, cancel] of this.#later) {
      cancel();
      this.#repeated = this.#joined(this.#repeated, tags);
    }
    this.#later.clear();
    this.#start();
    await this.#background.drain();
  }

  #joined(tags: Set<string>, others: readonly string[]): Set<string> {
    for (const tag of others) tags.add(tag);
    return tags.size > waitingTagsMax ? new Set([this.#parts.everything]) : tags;
  }

  #start(): void {
    if (this.#isRunning || this.#cancelRetry !== undefined) return;
    this.#isRunning = true;
    this.#background.start(() => this.#run());
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what invalidates ends first, in all parts of the cache
    let batch = this.#take();
    while (batch !== undefined && (await this.#isPurged(batch))) batch = this.#take();
    this.#isRunning = false;
  }

  /** First and second purges take turns: otherwise the second ones would wait for as long as something is invalidated. */
  #take(): Batch | undefined {
    const isRepeated = this.#repeated.size > 0 && (this.#first.size === 0 || !this.#wasRepeated);
    this.#wasRepeated = isRepeated;
    const from = isRepeated ? this.#repeated : this.#first;
    const tags = [...from].slice(0, this.#size);
    for (const tag of tags) {
      from.delete(tag);
      this.#repeated.delete(tag); // this purge is later than the one that is to be repeated
    }
    return tags.length === 0 ? undefined : { tags, isRepeated };
  }

  async #isPurged({ tags, isRepeated }: Batch): Promise<boolean> {
    const { clock, emit, purge, repeatAfterMs, tagsPerCallMax } = this.#parts;
    const end = new AbortController();
    const lateError = (): Error => new CacheError('PURGE_TIMEOUT', `no result after ${callMsMax} ms`);
    try {
      const call = async (): Promise<unknown> => await purge([...tags], { signal: end.signal, isRepeated });
      await inTime(clock, call(), { limitMs: callMsMax, lateError });
    } catch (error) {
      end.abort();
      this.#failed({ tags, isRepeated }, error);
      return false;
    }
    this.#failures = 0;
    this.#size = Math.min(this.#size * 2, tagsPerCallMax);
    emit({ type: 'purge', tagCount: tags.length, isRepeated });
    if (!isRepeated && repeatAfterMs > 0) this.#repeatLater(tags);
    return true;
  }

  #repeatLater(tags: readonly string[]): void {
    if (this.#isClosed) {
      this.#repeated = this.#joined(this.#repeated, tags);
      return;
    }
    const cancel = this.#parts.clock.after(this.#parts.repeatAfterMs, () => {
      this.#later.delete(tags);
      this.#repeated = this.#joined(this.#repeated, tags);
      this.#start();
    });
    this.#later.set(tags, cancel);
  }

  /**
   * The tags are purged after those that are waiting, and with fewer others: tags that the CDN rejects hold up neither those nor the others
   * of their own call for ever.
   */
  #failed({ tags, isRepeated }: Batch, error: unknown): void {
    const { clock, emit } = this.#parts;
    const retryMs = this.#isClosed ? null : Math.min(retryMsMin * 2 ** this.#failures, retryMsMax);
    this.#failures += 1;
    this.#size = Math.max(Math.floor(this.#size / 2), 1);
    if (isRepeated) this.#repeated = this.#joined(this.#repeated, tags);
    else this.#first = this.#joined(this.#first, tags);
    if (retryMs !== null) {
      this.#cancelRetry = clock.after(retryMs, () => {
        this.#cancelRetry = undefined;
        this.#start();
      });
    }
    emit({ type: 'purge-failed', tagCount: tags.length, error, retryMs });
  }
}
