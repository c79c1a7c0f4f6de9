/**
 * Invalidates what the transactions of the log have changed, and acknowledges them afterwards.
 *
 * The log has a commit before new snapshots see it. Invalidating at once would let a reader
 *   1. miss on the deleted token,  2. load the old row, in a snapshot that does not see the commit yet,
 *   3. store it under the new token: stale until its TTL ends.
 * So a transaction waits until a new snapshot sees it. One snapshot answers for all that have arrived meanwhile.
 *
 * Only what was invalidated is acknowledged, in the order of the log; everything else is sent again to the next process that reads
 * the slot. While the store is unavailable, the changes of all visible transactions are merged, so that memory is bounded.
 */
import { CacheError, type Clock, type InvalidationScope } from '../../cache/index.ts';
import { ChangedTags } from './changed-tags.ts';
import type { Lsn } from './lsn.ts';
import type { Snapshot } from './snapshot.ts';

/** What new snapshots must see before the values that depend on it are invalidated. */
interface Committed {
  /** The end of the transaction before it. */
  readonly beginLsn: Lsn;
  readonly isSeenBy: (snapshot: Snapshot) => boolean;
  readonly tags: Promise<ChangedTags>;
}

interface DeliveryParts {
  readonly readSnapshot: () => Promise<Snapshot>;
  /** Rejects if the store is unavailable: it is tried again. */
  readonly invalidate: (scope: InvalidationScope) => Promise<void>;
  /** Records that everything before `lsn` is invalidated, and acknowledges it. Rejects as `invalidate` does. */
  readonly acknowledge: (lsn: Lsn) => Promise<void>;
  /** Whether changes could not be invalidated: what the store has may be outdated. Called after each attempt. */
  readonly onUndelivered: (isUndelivered: boolean) => void;
  /** It is closed while there are such changes: they are delivered by the next reader of the log, some time later. */
  readonly onAbandoned: () => void;
  /** The process can go on no longer: the database cannot be asked. */
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  readonly counts: DeliveryCounts;
}

/** Counts since the feed was created. */
export interface DeliveryCounts {
  transactions: number;
  invalidations: number;
  /** Invalidations that were tried again. */
  retries: number;
}

/** Tags in one round trip to the store, so that it stays below the store's deadline. */
const tagsPerInvalidation = 500;
/** Between two attempts, while the store is unavailable. */
const retryMs = 250;
/** Under many writes, more transactions share an invalidation: each batch costs three round trips. */
const manyWaiting = 20;
const gatherMs = 20;
/** Between two looks for the end of a commit: from one millisecond on, twice as long each time. */
const lookAgainMsMax = 50;

export class Delivery {
  readonly #parts: DeliveryParts;
  /** In the order of the log: committed, but perhaps not visible yet. */
  #waiting: Committed[] = [];
  /** Of visible transactions. */
  #changed = new ChangedTags();
  #endLsn: Lsn;
  #acknowledgedLsn: Lsn;
  #pendingSinceMs: number | undefined;
  #isRunning = false;
  #mustRecord = false;
  #isClosed = false;
  #isUndelivered = false;
  #lookAgainMs = 1;

  /** @param lsn Where the stream begins. */
  constructor(lsn: Lsn, parts: DeliveryParts) {
    this.#parts = parts;
    this.#endLsn = lsn;
    this.#acknowledgedLsn = lsn;
  }

  /** How long the oldest change that is not invalidated yet has been waiting, in milliseconds; 0 if there is none. */
  get lagMs(): number {
    return this.#pendingSinceMs === undefined ? 0 : this.#parts.clock.nowMs() - this.#pendingSinceMs;
  }

  /** Up to where everything is invalidated and recorded. */
  get acknowledgedLsn(): Lsn {
    return this.#acknowledgedLsn;
  }

  /** @param endLsn The end of the transaction in the log. */
  add(endLsn: Lsn, committed: Omit<Committed, 'beginLsn'>): void {
    this.#pendingSinceMs ??= this.#parts.clock.nowMs();
    this.#waiting.push({ ...committed, beginLsn: this.#endLsn });
    this.reach(endLsn);
  }

  /** The log has reached this position, and everything before it was added. */
  reach(lsn: Lsn): void {
    if (lsn > this.#endLsn) this.#endLsn = lsn;
    // Also if it is the same: the store may have lost the record.
    this.#mustRecord = true;
    if (!this.#isRunning) void this.#run();
  }

  /** Invalidates nothing more, except what is under way. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isUndelivered) this.#parts.onAbandoned();
    this.#parts.onUndelivered(false);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (!this.#isClosed && (this.#waiting.length > 0 || this.#mustRecord)) {
        const before = this.#waiting.length;
        if (before > 0) await this.#sortOutVisible();
        const isDelivered = await this.#deliver();
        if (!isDelivered) await this.#pause(retryMs);
        else if (before >= manyWaiting) await this.#pause(gatherMs);
        else if (before > 0 && this.#waiting.length >= before) await this.#pause(this.#nextLookMs());
        else this.#lookAgainMs = 1;
      }
    } catch (error) {
      if (!this.#isClosed) this.#parts.onError(error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Moves the changes of visible transactions from `#waiting` to `#changed`. */
  async #sortOutVisible(): Promise<void> {
    const snapshot = await this.#parts.readSnapshot();
    const waiting = this.#waiting;
    this.#waiting = [];
    const still: Committed[] = [];
    for (const committed of waiting) {
      if (committed.isSeenBy(snapshot)) {
        this.#changed.addAll(await committed.tags);
        this.#parts.counts.transactions += 1;
      } else still.push(committed);
    }
    this.#waiting = [...still, ...this.#waiting];
  }

  /** @returns False if the store is unavailable. */
  async #deliver(): Promise<boolean> {
    const changed = this.#changed;
    const untilLsn = this.#waiting[0]?.beginLsn ?? this.#endLsn;
    this.#changed = new ChangedTags();
    this.#mustRecord = false;
    try {
      for (const scope of changed.scopes(tagsPerInvalidation)) {
        await this.#parts.invalidate(scope);
        this.#parts.counts.invalidations += 1;
      }
      await this.#parts.acknowledge(untilLsn);
      this.#acknowledgedLsn = untilLsn;
      this.#setUndelivered(false);
      if (this.#waiting.length === 0) this.#pendingSinceMs = undefined;
      return true;
    } catch (error) {
      this.#changed.addAll(changed);
      this.#mustRecord = true;
      // Nothing is missed because of a tag that the cache does not take.
      if (!isUnavailable(error)) this.#changed.addEverything();
      this.#parts.counts.retries += 1;
      this.#setUndelivered(true);
      return false;
    }
  }

  #setUndelivered(isUndelivered: boolean): void {
    this.#isUndelivered = isUndelivered;
    if (!this.#isClosed) this.#parts.onUndelivered(isUndelivered);
    else if (isUndelivered) this.#parts.onAbandoned();
  }

  #nextLookMs(): number {
    const ms = this.#lookAgainMs;
    this.#lookAgainMs = Math.min(ms * 2, lookAgainMsMax);
    return ms;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'STORE_UNAVAILABLE';
}
