/** The tags whose last purge has failed, together with others or alone. What is purged for the first time waits for none of them. */
import { FailedAlone } from './failed-alone.ts';
import { FailedTogether } from './failed-together.ts';
import type { Batch } from './purge-lane.ts';
import { waitingTagsMax } from './waiting-tags.ts';

export class FailedPurges {
  readonly #everything: string;
  readonly #together: FailedTogether;
  readonly #alone = new FailedAlone();
  /** The tags that are tried now, and those of them that were invalidated since. */
  #running: ReadonlySet<string> = new Set();
  readonly #anew = new Set<string>();

  /** @param parts.everything The tag that takes the place of too many. */
  constructor({ everything, tagsPerCallMax }: { everything: string; tagsPerCallMax: number }) {
    this.#everything = everything;
    this.#together = new FailedTogether(tagsPerCallMax);
  }

  get size(): number {
    return this.#together.size + this.#alone.size;
  }

  get names(): readonly string[] {
    return [...this.#together.names, ...this.#alone.names];
  }

  /** Those of the invalidated tags that do not wait here. */
  without(tags: readonly string[]): readonly string[] {
    if (this.size === 0) return tags;
    return tags.filter((tag) => {
      const isHere = this.#together.isInvalidated(tag) || this.#alone.isInvalidated(tag);
      if (isHere && this.#running.has(tag)) this.#anew.add(tag);
      return !isHere;
    });
  }

  /** The batch that is due, or in how many milliseconds one will be. */
  next(nowMs: number): Batch | number {
    const together = this.#together.next(nowMs);
    if (typeof together === 'object') return this.#run(together);
    const alone = this.#alone.next(nowMs);
    return typeof alone === 'object' ? this.#run(alone) : Math.min(together, alone);
  }

  /** A batch that was not tried before has failed. @returns How long until its tags are tried again, at the earliest; null: never. */
  add(batch: Batch, nowMs: number): number | null {
    const isAlone = batch.tags.length === 1;
    const retryMs = isAlone ? this.#alone.failed(batch, nowMs) : this.#together.add(batch, nowMs);
    if (this.size > waitingTagsMax) {
      this.#alone.clear();
      this.#together.clear();
      this.#together.add({ tags: [this.#everything], isRepeated: false }, nowMs);
    }
    return retryMs;
  }

  /** The batch from `next` has failed. @returns How long until its tags are tried again, at the earliest; null: they are given up. */
  failed(batch: Batch, nowMs: number): number | null {
    this.#end();
    const [tag = ''] = batch.tags;
    const togetherMs = this.#together.has(tag) ? this.#together.failed(batch.tags, nowMs) : 0;
    if (batch.tags.length > 1) return togetherMs;
    const isRepeated = this.#together.remove(tag) ?? batch.isRepeated;
    return this.#alone.failed({ tags: [tag], isRepeated }, nowMs);
  }

  /** The batch from `next` is not tried again. @returns Those of its tags that were invalidated while it was tried. */
  remove({ tags }: Batch): readonly string[] {
    this.#together.succeeded(tags);
    for (const tag of tags) this.#alone.delete(tag);
    return this.#end();
  }

  /** The CDN has accepted a purge. */
  hurry(nowMs: number): void {
    this.#together.hurry(nowMs);
  }

  /** All are due. */
  hurryAll(nowMs: number): void {
    this.#together.hurry(nowMs);
    this.#alone.hurry(nowMs);
  }

  #run(batch: Batch): Batch {
    this.#running = new Set(batch.tags);
    return batch;
  }

  #end(): readonly string[] {
    const anew = [...this.#anew];
    this.#anew.clear();
    this.#running = new Set();
    return anew;
  }
}
