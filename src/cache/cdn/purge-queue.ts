/**
 * Purges a CDN: calls `onInvalidate` with tags until it has succeeded, and once more a while later.
 *
 * There are two lanes. In one, tags are purged for the first and for the second time: one call at a time, and what is added meanwhile is
 * purged by the next one. In the other, tags whose purge has failed are tried again, so that those of the first lane do not wait for them.
 * Nothing here delays or fails an invalidation.
 *
 * The second purge is for responses that were on their way to the CDN:
 *   1. a request gets a response from the old value,  2. the value is invalidated, and the CDN purged,  3. the response arrives at the CDN,
 *   which keeps it.
 */
import { Background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { EmitEvent } from '../events/events.ts';
import { FailedPurges } from './failed-purges.ts';
import { PurgeCalls, type Purge } from './purge-calls.ts';
import { PurgeLane, type Batch } from './purge-lane.ts';
import { SecondPurges } from './second-purges.ts';
import { WaitingTags } from './waiting-tags.ts';

/** How many tags wait for a purge. */
export interface WaitingPurges {
  /** For the first one. */
  readonly first: number;
  /** For the second one. */
  readonly second: number;
  /** For another attempt, because the last one has failed. */
  readonly retry: number;
}

interface PurgeQueueParts {
  readonly purge: Purge;
  readonly repeatAfterMs: number;
  readonly tagsPerCallMax: number;
  /** Purges every response. Takes the place of too many tags. */
  readonly everything: string;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** So many failed calls in a row count as an outage. */
const outageFailures = 3;
/** Between first attempts during an outage. */
const outagePauseMs = 1_000;
const closeMsMax = 5_000;

export class PurgeQueue {
  readonly #parts: PurgeQueueParts;
  readonly #background = new Background();
  readonly #calls: PurgeCalls;
  readonly #first: WaitingTags;
  /** Those whose second purge is due. */
  readonly #second: WaitingTags;
  readonly #later: SecondPurges;
  readonly #failed: FailedPurges;
  readonly #lane: PurgeLane;
  readonly #retryLane: PurgeLane;
  #wasSecond = false;
  #failuresInRow = 0;
  #lastFailureMs = -Infinity;
  #closing: Promise<void> | undefined;
  /** Tags that have failed alone while it was closing. */
  readonly #abandoned: string[] = [];
  /** `closing`: tags are purged that have not failed; `retrying`: those that have. */
  #state: 'open' | 'closing' | 'retrying' | 'closed' = 'open';

  constructor(parts: PurgeQueueParts) {
    const { purge, repeatAfterMs: afterMs, everything, clock } = parts;
    this.#parts = parts;
    this.#calls = new PurgeCalls(purge, clock);
    this.#first = new WaitingTags(everything);
    this.#second = new WaitingTags(everything);
    this.#later = new SecondPurges({ afterMs, everything, clock, onDue: (tags) => this.#addSecond(tags) });
    this.#failed = new FailedPurges(parts);
    const lane = { background: this.#background, clock };
    this.#lane = new PurgeLane({ ...lane, next: () => this.#next(), purge: (batch) => this.#purge(batch) });
    this.#retryLane = new PurgeLane({ ...lane, next: () => this.#nextRetry(), purge: (batch) => this.#retry(batch) });
  }

  get waiting(): WaitingPurges {
    return { first: this.#first.size, second: this.#second.size + this.#later.size, retry: this.#failed.size };
  }

  add(tags: readonly string[]): void {
    this.#first.add(this.#failed.without(tags));
    this.#lane.start();
  }

  /**
   * Purges at once what is waiting, including second purges, until the CDN counts as away, and for five seconds at most. What is not purged
   * then is given up.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    this.#lane.stop();
    this.#retryLane.stop();
    await within(this.#parts.clock, closeMsMax, this.#purgeAll());
    this.#state = 'closed';
    const waiting = [...this.#first.take(Infinity), ...this.#second.take(Infinity), ...this.#failed.names];
    const tags = [...new Set([...this.#calls.abort(), ...this.#abandoned, ...waiting])];
    if (tags.length > 0) this.#parts.emit({ type: 'purge-given-up', tags, reason: 'closed' });
  }

  async #purgeAll(): Promise<void> {
    this.#failuresInRow = 0; // it may be back
    this.#second.add(this.#later.takeAll());
    this.#lane.start();
    await this.#background.drain();
    if (this.#hasEnded()) return;
    // After the others, which might not be purged if several that the CDN rejects came first.
    this.#state = 'retrying';
    this.#failed.hurryAll(this.#parts.clock.nowMs());
    this.#retryLane.start();
    await this.#background.drain();
  }

  #addSecond(tags: readonly string[]): void {
    this.#second.add(this.#failed.without(tags));
    this.#lane.start();
  }

  #next(): Batch | number {
    if (this.#first.size + this.#second.size === 0 || this.#hasEnded()) return Infinity;
    const waitMs = this.#isAway() ? this.#lastFailureMs + outagePauseMs - this.#parts.clock.nowMs() : 0;
    return waitMs > 0 && this.#state === 'open' ? waitMs : this.#take();
  }

  /** First and second purges take turns: otherwise the second ones would wait for as long as something is invalidated. */
  #take(): Batch {
    const isRepeated = this.#second.size > 0 && (this.#first.size === 0 || !this.#wasSecond);
    this.#wasSecond = isRepeated;
    const tags = (isRepeated ? this.#second : this.#first).take(this.#parts.tagsPerCallMax);
    this.#second.delete(tags); // this purge is later than the one that is to be repeated
    return { tags, isRepeated };
  }

  async #purge(batch: Batch): Promise<void> {
    const failure = await this.#failureOf(batch);
    if (this.#state === 'closed') return;
    if (failure === undefined) return this.#succeeded(batch);
    const { tags } = batch;
    const nowMs = this.#parts.clock.nowMs();
    this.#lastFailureMs = nowMs;
    const anew = this.#first.delete(tags);
    this.#second.delete(tags);
    const pauseMs = this.#failed.add(batch, nowMs);
    this.add(anew);
    const retryMs = this.#state === 'open' ? pauseMs : 0;
    this.#parts.emit({ type: 'purge-failed', tagCount: tags.length, error: failure.error, retryMs });
    this.#retryLane.start();
  }

  #nextRetry(): Batch | number {
    if (this.#state === 'closing' || this.#hasEnded()) return Infinity;
    return this.#failed.next(this.#parts.clock.nowMs());
  }

  async #retry(batch: Batch): Promise<void> {
    const failure = await this.#failureOf(batch);
    if (this.#state === 'closed') return;
    if (failure !== undefined) return this.#retryFailed(batch, failure.error);
    this.add(this.#failed.remove(batch));
    this.#succeeded(batch);
  }

  #retryFailed(batch: Batch, error: unknown): void {
    const { clock, emit } = this.#parts;
    const { tags } = batch;
    const isLast = this.#state !== 'open' && tags.length === 1;
    const anew = isLast ? this.#failed.remove(batch) : [];
    const retryMs = isLast ? null : this.#failed.failed(batch, clock.nowMs());
    emit({ type: 'purge-failed', tagCount: tags.length, error, retryMs });
    if (isLast) this.#abandoned.push(...tags);
    else if (retryMs === null) emit({ type: 'purge-given-up', tags, reason: 'attempts' });
    if (this.#state !== 'open') this.#failed.hurryAll(clock.nowMs());
    this.add(anew);
  }

  async #failureOf(batch: Batch): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#calls.make(batch);
      return undefined;
    } catch (error) {
      this.#failuresInRow += 1;
      return { error };
    }
  }

  #succeeded({ tags, isRepeated }: Batch): void {
    this.#failuresInRow = 0;
    this.#failed.hurry(this.#parts.clock.nowMs());
    this.#parts.emit({ type: 'purge', tagCount: tags.length, isRepeated });
    if (!isRepeated) this.#repeat(tags);
    if (this.#failed.size > 0) this.#retryLane.start();
  }

  #repeat(tags: readonly string[]): void {
    this.#later.add(tags);
    if (this.#state !== 'open') this.#addSecond(this.#later.takeAll());
  }

  #isAway(): boolean {
    return this.#failuresInRow >= outageFailures;
  }

  #hasEnded(): boolean {
    return this.#state === 'closed' || (this.#state !== 'open' && this.#isAway());
  }
}

/** Resolves with `work`, or after `limitMs`. */
async function within(clock: Clock, limitMs: number, work: Promise<void>): Promise<void> {
  let cancel = (): void => {};
  const limit = new Promise<void>((resolve) => (cancel = clock.after(limitMs, resolve)));
  await Promise.race([work, limit]).finally(cancel);
}
