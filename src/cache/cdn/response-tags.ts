/**
 * The tags of a response: whatever invalidates one of its values purges it.
 *
 * A value has the tags that it is stamped with, and an invalidation purges the tags whose tokens it deletes (`tags.ts`). So both
 * directions hold: `products:42` purges that row and the whole table, `products` purges the table and every row.
 *
 * A CDN silently ignores tags beyond its limits, and could not purge the response by them. A response with too many is therefore tagged
 * more coarsely: with fields instead of values, then with tables instead of rows. That purges it more often than necessary. A response
 * that has too many even so has none, and must not be kept.
 */
import { everyRow, everythingTag, rowOf, type Stamps } from '../tags/tags.ts';
import type { TagNames } from './tag-names.ts';

/** A value in a response. */
export interface TaggedValue {
  /** The text of its key. */
  readonly key: string;
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
}

/** The tags of one response, and the headers that contain them. */
export interface CdnTags {
  readonly list: readonly string[];
  /** Separated by commas: the value of `Cache-Tag` (Cloudflare, CloudFront, Google) or `Edge-Cache-Tag` (Akamai). */
  readonly cacheTag: string;
  /** Separated by spaces: the value of `Surrogate-Key` (Fastly) or `xkey` (Varnish). */
  readonly surrogateKey: string;
}

interface TagLimits {
  readonly tagsMax: number;
  /** Of one header. */
  readonly charsMax: number;
}

/** From the finest to the coarsest. */
const levels = [
  { hasValues: true, hasRows: true },
  { hasValues: false, hasRows: true },
  { hasValues: false, hasRows: false },
];

/** The tags of a response with these values; undefined if there are too many. */
export function responseTags(
  values: readonly TaggedValue[],
  { names, tagsMax, charsMax }: TagLimits & { names: TagNames },
): CdnTags | undefined {
  const stamps = new Set(values.flatMap((value) => Object.keys(value.stamps)));
  stamps.delete(everythingTag);
  for (const { hasValues, hasRows } of levels) {
    const tags = hasRows ? stamps : new Set([...stamps].map((tag) => rowOf(tag)?.table ?? tag));
    const parts = new Set(values.map(({ key, field }) => (hasValues ? key : field)));
    const needed = [...tags].filter((tag) => !isImplied(tag, tags));
    if (1 + needed.length + parts.size > tagsMax) continue;
    const ofParts = [...parts].map((part) => (hasValues ? names.ofValue(part) : names.ofField(part)));
    const list = [names.everything, ...needed.map((tag) => names.ofTag(tag)), ...ofParts];
    const cacheTag = list.join(',');
    if (cacheTag.length <= charsMax) return { list, cacheTag, surrogateKey: list.join(' ') };
  }
  return undefined;
}

/** `products:!` is purged with `products` only. */
function isImplied(tag: string, tags: ReadonlySet<string>): boolean {
  const row = rowOf(tag);
  return row?.id === everyRow && tags.has(row.table);
}
