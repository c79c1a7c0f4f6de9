/**
 * Invalidations of changes that are committed already, which the store must receive. While one is pending, this process neither
 * reads from the store nor writes to it: what it would read may be older than the change. It is tried again until the store has it.
 */
import { CacheError } from './base/errors.ts';
import type { Clock } from './base/clock.ts';
import type { EmitEvent } from './events/events.ts';
import { everythingTag } from './tags/tags.ts';

/** Between attempts. */
const retryMs = 250;

/** What to invalidate: the values that depend on one of these tags, or all values of the namespace. */
export type InvalidationScope = readonly string[] | 'everything';

interface PendingInvalidationsParts {
  /** Rejects with `STORE_UNAVAILABLE` if it is not known whether the store has received it. */
  readonly invalidate: (scope: InvalidationScope) => Promise<void>;
  /** Whether one is pending: called when that changes. */
  readonly onPending: (isPending: boolean) => void;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

export class PendingInvalidations {
  readonly #parts: PendingInvalidationsParts;
  readonly #tags = new Set<string>();
  #isEverything = false;
  #isClosed = false;
  #isRunning = false;
  #cancel = (): void => {};

  constructor(parts: PendingInvalidationsParts) {
    this.#parts = parts;
  }

  /** Resolves when the store has received it, or when it is pending. */
  async deliver(scope: InvalidationScope): Promise<void> {
    try {
      await this.#parts.invalidate(scope);
    } catch (error) {
      if (!(error instanceof CacheError) || error.code !== 'STORE_UNAVAILABLE') throw error;
      this.#add(scope);
      this.#parts.emit({ type: 'invalidation-pending', tags: scope === 'everything' ? [everythingTag] : scope, error });
      this.#retryLater();
    }
  }

  /** Stops trying. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #retryLater(): void {
    if (this.#isClosed || this.#isRunning) return;
    this.#cancel();
    this.#cancel = this.#parts.clock.after(retryMs, () => void this.#retry());
  }

  #add(scope: InvalidationScope): void {
    if (scope === 'everything') this.#isEverything = true;
    else for (const tag of scope) this.#tags.add(tag);
    this.#parts.onPending(true);
  }

  async #retry(): Promise<void> {
    const scope = this.#isEverything ? 'everything' : [...this.#tags];
    // What is added from now on is newer than this attempt, also if it has the same tags.
    this.#isEverything = false;
    this.#tags.clear();
    this.#isRunning = true;
    try {
      await this.#parts.invalidate(scope);
    } catch {
      this.#add(scope); // the store has reported the fault as an event
    } finally {
      this.#isRunning = false;
    }
    if (this.#isEverything || this.#tags.size > 0) return this.#retryLater();
    this.#parts.onPending(false);
    this.#parts.emit({ type: 'invalidation-delivered' });
  }
}
