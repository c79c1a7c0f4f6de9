/**
 * Tags whose purge has failed together with others: the CDN rejects one of them, or is away. Each call that fails halves the number of tags
 * of the next one, and each that succeeds doubles it. So one that is rejected is soon alone, and few calls are made after an outage. Pauses
 * that grow make few of them during it.
 */
import { pauseMsAfter } from './failed-alone.ts';
import type { Batch } from './purge-lane.ts';

/** A CDN that has accepted a purge so recently is not away: it rejects some tags, and pauses do not grow. */
const worksMs = 60_000;

export class FailedTogether {
  readonly #tagsPerCallMax: number;
  /** Whether each was to be purged for the second time. */
  readonly #tags = new Map<string, boolean>();
  #tagsPerCall = 1;
  #failuresInRow = 0;
  #lastSuccessMs = -Infinity;
  #dueMs = 0;

  constructor(tagsPerCallMax: number) {
    this.#tagsPerCallMax = tagsPerCallMax;
  }

  get size(): number {
    return this.#tags.size;
  }

  get names(): readonly string[] {
    return [...this.#tags.keys()];
  }

  has(tag: string): boolean {
    return this.#tags.has(tag);
  }

  /** It was invalidated anew. @returns False if it does not wait here. */
  isInvalidated(tag: string): boolean {
    const isKnown = this.#tags.has(tag);
    if (isKnown) this.#tags.set(tag, false);
    return isKnown;
  }

  /** Those that are due, or when they will be. */
  next(nowMs: number): Batch | number {
    const [first] = this.#tags;
    if (first === undefined) return Infinity;
    if (this.#dueMs > nowMs) return this.#dueMs - nowMs;
    const [, isRepeated] = first;
    const alike = [...this.#tags].filter(([, one]) => one === isRepeated);
    return { tags: alike.slice(0, this.#tagsPerCall).map(([tag]) => tag), isRepeated };
  }

  /**
   * Adds the tags of a first attempt. If others are here, those decide when to try.
   *
   * @returns How long until they are tried again, at the earliest.
   */
  add({ tags, isRepeated }: Batch, nowMs: number): number {
    if (this.#tags.size === 0) {
      this.#failuresInRow = 0;
      this.#pause(tags, { failures: 1, nowMs });
    }
    for (const tag of tags) this.#tags.set(tag, isRepeated);
    return Math.max(0, this.#dueMs - nowMs);
  }

  /**
   * What `next` has returned has failed: the others come first.
   *
   * @returns How long until they are tried again, at the earliest.
   */
  failed(tags: readonly string[], nowMs: number): number {
    const works = nowMs - this.#lastSuccessMs < worksMs;
    this.#failuresInRow = works ? 1 : this.#failuresInRow + 1;
    this.#pause(tags, { failures: this.#failuresInRow, nowMs });
    for (const tag of tags) {
      const isRepeated = this.remove(tag);
      if (isRepeated !== undefined) this.#tags.set(tag, isRepeated);
    }
    return this.#dueMs - nowMs;
  }

  #pause(tags: readonly string[], { failures, nowMs }: { failures: number; nowMs: number }): void {
    this.#dueMs = nowMs + pauseMsAfter(failures);
    this.#tagsPerCall = Math.max(Math.floor(tags.length / 2), 1);
  }

  /** What `next` has returned has succeeded. */
  succeeded(tags: readonly string[]): void {
    for (const tag of tags) this.#tags.delete(tag);
    this.#tagsPerCall = Math.min(this.#tagsPerCall * 2, this.#tagsPerCallMax);
  }

  /** @returns Whether it was to be purged for the second time; undefined if it is not here. */
  remove(tag: string): boolean | undefined {
    const isRepeated = this.#tags.get(tag);
    this.#tags.delete(tag);
    return isRepeated;
  }

  clear(): void {
    this.#tags.clear();
  }

  /** They are due, because the CDN has accepted a purge. */
  hurry(nowMs: number): void {
    this.#lastSuccessMs = nowMs;
    this.#dueMs = Math.min(this.#dueMs, nowMs);
  }
}
