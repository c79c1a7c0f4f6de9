/**
 * Tags, tokens and stamps: what makes reads correct.
 *
 * A tag's *token* is a random text at a key of its own. A value is *stamped* with the tokens of its tags as they were
 * before its load began, and is valid only while all of them are unchanged. To invalidate a tag, its token is deleted.
 *
 * The order matters. A load that runs while its tag is invalidated
 *   1. captures token A,  2. reads the old row,  3. (token A is deleted, the writer gets its response),  4. stores the value.
 * The value is stamped with token A, and the tag now has no token or another one, so no read accepts the value.
 *
 * A missing token is a miss. A token may expire or be evicted; the worst consequence is one more load.
 *
 * The tag `products:42` stands for one row of `products`. A value that depends on that row only is stamped with the tokens of
 * `products:42` and of `products:!`, which is deleted when it is not known which rows have changed. A value that depends on
 * the whole table, such as a list, is stamped with the token of `products`. So a change of row 42 leaves the values of other
 * rows valid, and invalidates everything that depends on it:
 *
 *   invalidate     | tokens deleted              | invalidated values
 *   `products:42`  | `products:42`, `products`   | those of that row and of the table
 *   `products`     | `products`, `products:!`    | those of the table and of every row
 */
import { hash } from 'node:crypto';
import { received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';

/** Tokens by tag. */
export type Stamps = Readonly<Record<string, string>>;

/** The tag of every value; `flush` deletes its token. */
export const everythingTag = '*';

/**
 * No tag begins with this character. It marks the other names beside the tokens: heartbeats and notices (`tracking.ts`).
 * PostgreSQL's names cannot contain it, so every table name can be a tag.
 */
export const internalMark = '\0';

const tagLengthMax = 200;
/** The id that stands for every row of a table. */
export const everyRow = '!';

/**
 * @throws {CacheError} `INVALID_TAG` unless `tag` is a well-formed text of 1…200 characters that does not begin with NUL, other
 *   than `*`, `*:…` and `<table>:!`.
 */
export function checkTag(place: string, tag: unknown): void {
  const isText = typeof tag === 'string' && tag.length > 0 && tag.length <= tagLengthMax;
  const { table, id } = (isText && rowOf(tag)) || {};
  const isOurs = isText && (tag.startsWith(internalMark) || tag === everythingTag);
  // Lone surrogates: a store replaces them, and then reports changes of a tag that does not exist.
  const isWellFormed = isText && !/\p{Surrogate}/u.test(tag);
  if (isWellFormed && !isOurs && table !== everythingTag && id !== everyRow) return;
  const got = typeof tag === 'string' ? JSON.stringify(tag.slice(0, 60)) : typeof tag;
  throw new CacheError(
    'INVALID_TAG',
    `${place}: a tag must be a text of 1 to ${tagLengthMax} characters without NUL in front, other than "*" and "<table>:!", got ${got}`,
  );
}

/** @throws {CacheError} `INVALID_TAG` unless `tags` is a list of tags. */
export function checkTags(place: string, tags: unknown): void {
  if (!Array.isArray(tags)) {
    const message = `${place}: expected a list of tags, such as ["books"], got ${received(tags)}`;
    throw new CacheError('INVALID_TAG', message);
  }
  for (const tag of tags as readonly unknown[]) checkTag(place, tag);
}

/** The tags that stamp a value with these tags: themselves, `<table>:!` for each row, and `*`. */
export function tagsOnValue(tags: readonly string[]): readonly string[] {
  const tables = tags.flatMap((tag) => rowOf(tag)?.table ?? []);
  return [...new Set([everythingTag, ...tags, ...tables.map((table) => `${table}:${everyRow}`)])];
}

/** The tags whose tokens are deleted when these are invalidated. */
export function tagsToDrop(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.flatMap((tag) => [tag, rowOf(tag)?.table ?? `${tag}:${everyRow}`]))];
}

/** The table and the id in the tag of a row; undefined for any other tag. */
export function rowOf(tag: string): { table: string; id: string } | undefined {
  const colon = tag.indexOf(':');
  return colon === -1 ? undefined : { table: tag.slice(0, colon), id: tag.slice(colon + 1) };
}

/** The tags of one fetch. */
export interface FetchTags {
  /** The tags that a value must be stamped with, whatever its load touches. */
  readonly required: readonly string[];
  /** These, and the tags that the load is expected to touch: their tokens are read, and captured before the load. */
  readonly all: readonly string[];
  /** Whether the policy names any. */
  readonly areNamed: boolean;
}

/** Whether `required` contains `tag`, or rows of it instead of it. */
export function covers(required: readonly string[], tag: string): boolean {
  return required.includes(tag) || required.includes(`${tag}:${everyRow}`);
}

/** The stamps for `tags`; undefined if a token is missing, because a value without it could never be invalidated. */
export function stampsOf(tags: readonly string[], tokens: readonly (string | undefined)[]): Stamps | undefined {
  const stamps = new Map<string, string>();
  for (const [index, tag] of tags.entries()) {
    const token = tokens[index];
    if (token === undefined) return undefined;
    stamps.set(tag, token);
  }
  return Object.fromEntries(stamps); // an assignment would lose the tag `__proto__`
}

/** The tokens that a load depends on, as its lease shows them to other processes: 16 characters for each tag and token. */
export function stampsDigestOf(stamps: Stamps): string {
  const pairs = Object.entries(stamps).map(([tag, token]) => digestOf(tag) + digestOf(token));
  return pairs.toSorted().join('');
}

/**
 * Checks whether a load with this digest is invalidated by newer `stamps`: one of its tags has another token there.
 *
 * A tag that only one of the two contains decides nothing. Processes expect different tags of one field: a process that has
 * run its load expects the tables that the load touched, another process all tables.
 */
export function isInvalidated(digest: string, stamps: Stamps): boolean {
  const current = stampsDigestOf(stamps);
  if (digest === current) return false;
  const digests = new Map(pairsIn(current));
  return pairsIn(digest).some(([tag, token]) => digests.has(tag) && digests.get(tag) !== token);
}

function pairsIn(digest: string): [tag: string, token: string][] {
  const pairs = digest.match(/.{16}/gs) ?? [];
  return pairs.map((pair) => [pair.slice(0, 8), pair.slice(8)]);
}

/** 48 bits. If two are equal by accident, a request waits for a load that is invalid. */
function digestOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 8);
}
