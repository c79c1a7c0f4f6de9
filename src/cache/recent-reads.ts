/** What was read here in the last minute and is to be loaded again when it is invalidated. Bounded. */
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
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#reads.size;
  }

  /** Records a read of a value that is to be refilled. One that is not stored is not recorded. */
  note({ key, policy, reload, dependsOn }: RefreshRequest, stamps: Stamps | undefined): void {
    if (stamps === undefined) return;
    this.#reads.delete(key.text);
    const request = { key, policy, reload, dependsOn };
    this.#reads.set(key.text, { request, stamps, readAtMs: this.#clock.nowMs() });
    const [oldest] = this.#reads.keys();
    if (this.#reads.size > keysMax && oldest !== undefined) this.#reads.delete(oldest);
    this.#cancelSweep ??= this.#clock.after(readAgeMsMax, () => this.#sweep());
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

  forget(key: string): void {
    this.#reads.delete(key);
  }

  *[Symbol.iterator](): Iterator<[key: string, read: RecentRead]> {
    for (const [key, read] of this.#reads) if (this.#isRecent(read)) yield [key, read];
  }

  clear(): void {
    this.#reads.clear();
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  /** The contexts of old requests are not kept. */
  #sweep(): void {
    this.#cancelSweep = undefined;
    for (const [key, read] of this.#reads) if (!this.#isRecent(read)) this.#reads.delete(key);
    if (this.#reads.size > 0) this.#cancelSweep = this.#clock.after(readAgeMsMax, () => this.#sweep());
  }

  #isRecent({ readAtMs }: RecentRead): boolean {
    return this.#clock.nowMs() - readAtMs <= readAgeMsMax;
  }
}
