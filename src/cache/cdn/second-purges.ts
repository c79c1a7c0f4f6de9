/**
 * The tags that are purged for a second time, and when.
 *
 * A tag that is purged anew before its second purge is due has one second purge, later: until then the new purge does its work.
 * There is one timer for all of them.
 */
import type { Clock } from '../base/clock.ts';
import { waitingTagsMax } from './waiting-tags.ts';

interface SecondPurgesParts {
  readonly afterMs: number;
  /** The tag that takes the place of too many. */
  readonly everything: string;
  readonly clock: Clock;
  readonly onDue: (tags: readonly string[]) => void;
}

export class SecondPurges {
  readonly #parts: SecondPurgesParts;
  /** When each is due, in that order, because all wait equally long. */
  readonly #dueMs = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(parts: SecondPurgesParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#dueMs.size;
  }

  /** After a first purge of these tags. */
  add(tags: readonly string[]): void {
    const { afterMs, clock, everything } = this.#parts;
    if (afterMs === 0) return;
    const dueMs = clock.nowMs() + afterMs;
    for (const tag of tags) this.#setLast(tag, dueMs);
    if (this.#dueMs.size > waitingTagsMax) {
      this.#dueMs.clear();
      this.#setLast(everything, dueMs);
    }
    if (this.#cancel === undefined) this.#wakeAfter(afterMs);
  }

  /** Removes all, whether they are due or not. */
  takeAll(): readonly string[] {
    this.#cancel?.();
    this.#cancel = undefined;
    const tags = [...this.#dueMs.keys()];
    this.#dueMs.clear();
    return tags;
  }

  #setLast(tag: string, dueMs: number): void {
    this.#dueMs.delete(tag);
    this.#dueMs.set(tag, dueMs);
  }

  #wakeAfter(ms: number): void {
    this.#cancel = this.#parts.clock.after(ms, () => {
      this.#cancel = undefined;
      this.#takeDue();
    });
  }

  #takeDue(): void {
    const { clock, onDue } = this.#parts;
    const nowMs = clock.nowMs();
    const due: string[] = [];
    for (const [tag, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) {
        this.#wakeAfter(dueMs - nowMs);
        break;
      }
      due.push(tag);
      this.#dueMs.delete(tag);
    }
    if (due.length > 0) onDue(due);
  }
}
