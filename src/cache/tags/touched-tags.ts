/**
 * Which tags a load will touch beyond those that its policy names, so that their tokens are captured before it begins, and
 * read in the same round trip as its value: what this field was seen to touch; before it was seen, all that are known to
 * be touchable, such as the tables of a database.
 */
import { LRUCache } from 'lru-cache';
import { CacheError } from '../base/errors.ts';
import { checkTag, covers, type FetchTags, tagsOnValue } from './tags.ts';

/** Tokens that are asked for with each value of a field, at the most. */
const tagsMax = 64;
/** More than any schema has: the names of fields may come from programs that make them. */
export const fieldsMax = 10_000;

export class TouchedTags {
  readonly #known: () => readonly string[];
  readonly #onFault: (error: unknown) => void;
  readonly #seen = new LRUCache<string, ReadonlySet<string>>({ max: fieldsMax });
  /** What was put together of a policy's tags, and what the field was seen to touch then: it is the same for each hit. */
  readonly #ofPolicy = new WeakMap<readonly string[], { seen: ReadonlySet<string>; tags: FetchTags }>();

  /** @param onFault Hears where `known` throws, or returns something else: then no tags are known. */
  constructor(known: () => readonly string[], onFault: (error: unknown) => void = () => {}) {
    this.#known = known;
    this.#onFault = onFault;
  }

  /** The tags of one fetch of `field`, whose policy names `named`. */
  ofFetch(field: string, named: readonly string[]): FetchTags {
    const seen = this.#seen.get(field);
    if (seen === undefined) return fetchTags(named, this.#expected());
    const kept = this.#ofPolicy.get(named);
    if (kept?.seen === seen) return kept.tags;
    const tags = fetchTags(named, seen);
    if (Object.isFrozen(named)) this.#ofPolicy.set(named, { seen, tags });
    return tags;
  }

  /** A load of `field`, or what it has stored, has touched these. Rows are left out: the next value has others. */
  saw(field: string, tags: Iterable<string>): void {
    const tables = [...tags].filter((tag) => !tag.includes(':'));
    const seen = this.#seen.get(field);
    if (seen !== undefined && tables.every((tag) => seen.has(tag))) return;
    this.#seen.set(field, new Set([...new Set([...tables, ...(seen ?? [])])].slice(0, tagsMax)));
  }

  /** Of a field that was not seen. */
  #expected(): readonly string[] {
    try {
      const known = this.#known();
      if (!Array.isArray(known)) throw new CacheError('INVALID_TAG', 'knownTags must return a list of tags');
      if (known.length > tagsMax) return [];
      for (const tag of known) checkTag('knownTags', tag);
      return known;
    } catch (error) {
      this.#onFault(error);
      return [];
    }
  }
}

function fetchTags(named: readonly string[], touched: Iterable<string>): FetchTags {
  const required = tagsOnValue(named);
  const expected = [...touched].filter((tag) => !covers(required, tag));
  return { required, all: [...required, ...expected], areNamed: named.length > 0 };
}
