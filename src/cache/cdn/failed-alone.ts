/**
 * Tags whose purge has failed in a call of their own: the CDN may reject them for ever. Each is tried again by itself, so that no other
 * tag waits for it, after pauses that grow, and is given up after the last attempt since it was invalidated.
 */
import type { Batch } from './purge-lane.ts';

/** With the pauses in between, about an hour. */
const attemptsMax = 60;
const retryMsMin = 1_000;
const retryMsMax = 60_000;

/** The pause after so many failures in a row: twice as long each time. */
export function pauseMsAfter(failures: number): number {
  return Math.min(retryMsMin * 2 ** (failures - 1), retryMsMax);
}

interface FailedTag {
  /** In a row. */
  readonly failures: number;
  /** Those of them since it was last invalidated. */
  readonly attempts: number;
  readonly dueMs: number;
  readonly isRepeated: boolean;
}

export class FailedAlone {
  readonly #tags = new Map<string, FailedTag>();

  get size(): number {
    return this.#tags.size;
  }

  get names(): readonly string[] {
    return [...this.#tags.keys()];
  }

  /** It was invalidated anew. @returns False if it does not wait here. */
  isInvalidated(tag: string): boolean {
    const known = this.#tags.get(tag);
    if (known !== undefined) this.#tags.set(tag, { ...known, attempts: 0, isRepeated: false });
    return known !== undefined;
  }

  /** The first tag that is due, or when one will be. */
  next(nowMs: number): Batch | number {
    let dueMsMin = Infinity;
    for (const [tag, { dueMs, isRepeated }] of this.#tags) {
      if (dueMs <= nowMs) return { tags: [tag], isRepeated };
      dueMsMin = Math.min(dueMsMin, dueMs);
    }
    return dueMsMin - nowMs;
  }

  /** @returns How long until it is tried again; null: it is given up. */
  failed({ tags: [tag = ''], isRepeated }: Batch, nowMs: number): number | null {
    const known = this.#tags.get(tag);
    const failures = (known?.failures ?? 0) + 1;
    const attempts = (known?.attempts ?? 0) + 1;
    this.#tags.delete(tag);
    if (attempts >= attemptsMax) return null;
    const retryMs = pauseMsAfter(failures);
    this.#tags.set(tag, { failures, attempts, dueMs: nowMs + retryMs, isRepeated: known?.isRepeated ?? isRepeated });
    return retryMs;
  }

  delete(tag: string): void {
    this.#tags.delete(tag);
  }

  clear(): void {
    this.#tags.clear();
  }

  /** Tries all of them at once. */
  hurry(nowMs: number): void {
    for (const [tag, one] of this.#tags) this.#tags.set(tag, { ...one, dueMs: nowMs });
  }
}
