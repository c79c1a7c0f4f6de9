/**
 * Which fields miss again and again, such as one whose arguments are hardly ever the same twice: a fetch of theirs asks
 * for leave to load at once, without looking whether there is a value. It says what its load will stand on, so the tokens
 * are kept that the last one stood on. Both are guesses, and what they may cost is a round trip: where there is a value,
 * or other tokens, the store says so.
 */
import { LRUCache } from 'lru-cache';
import { stampsOf, type FetchTags, type Stamps } from './tags.ts';

/** A miss is likely after so many in a row. */
const rowMin = 4;
/** More than any schema has: the names of fields may come from programs that make them. */
const fieldsMax = 10_000;

interface Row {
  readonly misses: number;
  readonly stamps: Stamps;
}

export class LikelyMisses {
  readonly #rows = new LRUCache<string, Row>({ max: fieldsMax });

  /** What the tokens of `tags` probably are, where a fetch of `field` will probably miss. */
  stampsFor(field: string, tags: FetchTags): Stamps | undefined {
    const row = this.#rows.get(field);
    if (row === undefined || row.misses < rowMin) return undefined;
    return stampsOf(
      tags.all,
      tags.all.map((tag) => (Object.hasOwn(row.stamps, tag) ? row.stamps[tag] : undefined)),
    );
  }

  /**
   * How a fetch of `field` ended.
   *
   * @param stamps The tokens from before its load, where it missed and what it loaded is stored; else undefined.
   */
  learn(field: string, stamps: Stamps | undefined): void {
    if (stamps === undefined) this.#rows.delete(field);
    else this.#rows.set(field, { misses: (this.#rows.get(field)?.misses ?? 0) + 1, stamps });
  }
}
