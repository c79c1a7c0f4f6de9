/** What was read here in the last minute, and how to load it again when no request waits for it. Bounded. */
import type { Clock } from './base/clock.ts';
import type { RefreshRequest } from './fetch.ts';
import type { Stamps } from './tags/tags.ts';

/** How long ago a value may have been read. */
const readAgeMsMax = 60_000;
const keysMax = 1_000;

/** A value that was read. */
export interface RecentRead {
  readonly request: RefreshRequest;
  /** Those of the value as it was read or refilled last. */
  readonly stamps: Stamps;
  readonly readAtMs: number;
}

export class RecentReads {
  readonly #clock: Clock;
  /** By key, the one that was not read for longest first. */
  readonly #reads = new Map<string, RecentRead>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#reads.size;
  }

  /** Records a read of a value that may be loaded again in the background. A value that is not stored is not recorded. */
  note({ key, policy, reload, dependsOn }: RefreshRequest, stamps: Stamps | undefined): void {
    const { isRefilled, isRefreshedEarly } = policy;
    if (stamps === undefined || (isRefilled !== true && isRefreshedEarly !== true)) return;
    this.#reads.delete(key.text);
    const request = { key, policy, reload, dependsOn };
    this.#reads.set(key.text, { request, stamps, readAtMs: this.#clock.nowMs() });
    for (const [oldKey, oldest] of this.#reads) {
      if (this.#reads.size <= keysMax && this.#isRecent(oldest)) return;
      this.#reads.delete(oldKey);
    }
  }

  /** The value at `key`, as it was read before, was returned again. */
  readAgain(key: string): void {
    const known = this.#reads.get(key);
    if (known !== undefined) this.note(known.request, known.stamps);
  }

  /** The value at `key` was replaced by one with these stamps. That is not a read. */
  replaced(key: string, stamps: Stamps): void {
    const known = this.#reads.get(key);
    if (known !== undefined) this.#reads.set(key, { ...known, stamps });
  }

  get(key: string): RecentRead | undefined {
    const known = this.#reads.get(key);
    return known !== undefined && this.#isRecent(known) ? known : undefined;
  }

  *[Symbol.iterator](): Iterator<[key: string, read: RecentRead]> {
    for (const [key, read] of this.#reads) if (this.#isRecent(read)) yield [key, read];
  }

  clear(): void {
    this.#reads.clear();
  }

  #isRecent({ readAtMs }: RecentRead): boolean {
    return this.#clock.nowMs() - readAtMs <= readAgeMsMax;
  }
}
