/**
 * Which fields miss again and again, such as one whose arguments are hardly ever the same twice: a fetch of theirs asks
 * for leave to load at once, without looking whether there is a value. It says what its load will stand on, so the tokens
 * are kept that the last one stood on. Both are predictions, and what a wrong one costs is a round trip: where there is a
 * value, or other tokens, the store says so.
 *
 * Any hit ends the streak of misses, and so does a load that is not stored. A field whose tags name rows, other ones each
 * time, is always looked up.
 */
import { LRUCache } from 'lru-cache';
import { stampsOf, type FetchTags, type Stamps } from './tags/tags.ts';
import { fieldsMax } from './tags/touched-tags.ts';

/** A miss is likely after so many in a row. */
const streakMin = 4;

interface Streak {
  readonly misses: number;
  /** Of the last one. */
  readonly stamps: Stamps;
}

export class MissPredictor {
  readonly #streaks = new LRUCache<string, Streak>({ max: fieldsMax });

  /** What the tokens of `tags` probably are; undefined where a miss of `field` is not likely, or one of them is not known. */
  stampsFor(field: string, tags: FetchTags): Stamps | undefined {
    const streak = this.#streaks.get(field);
    if (streak === undefined || streak.misses < streakMin) return undefined;
    const { stamps } = streak;
    const tokens = tags.all.map((tag) => (Object.hasOwn(stamps, tag) ? stamps[tag] : undefined));
    return stampsOf(tags.all, tokens);
  }

  /**
   * How a fetch of `field` ended.
   *
   * @param stamps The tokens from before its load, where it missed and what it loaded is stored; else undefined.
   */
  learn(field: string, stamps: Stamps | undefined): void {
    if (stamps === undefined) this.#streaks.delete(field);
    else this.#streaks.set(field, { misses: (this.#streaks.get(field)?.misses ?? 0) + 1, stamps });
  }
}
