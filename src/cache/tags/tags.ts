/**
 * Tags, tokens and stamps: what makes reads right.
 *
 * A tag's *token* is a random text at a key of its own. A value is *stamped* with the tokens of its tags as they were
 * before its load began, and is valid only while all of them stand. To invalidate a tag is to delete its token.
 *
 * Where order matters: a load that runs while its tag is invalidated
 *   1. captures token A,  2. reads the old row,  3. (token A is deleted, the writer is answered),  4. stores the value.
 * The value carries stamp A, the tag has no token or another, so no read takes it.
 *
 * A missing token is a miss: it may be evicted or expire, and the worst that follows is one more load.
 *
 * A tag `products:42` is a row of `products`. A value that depends on that row alone stands on `products:42` and on
 * `products:!`, which is dropped when nobody can say which rows have changed; one that depends on the table, such as a list,
 * stands on `products`. So a change of row 42 leaves the values of other rows alone, and no value is missed:
 *
 *   invalidated    | tokens dropped              | void
 *   `products:42`  | `products:42`, `products`   | that row's values and the table's
 *   `products`     | `products`, `products:!`    | the table's values and those of every row
 */
import { hash } from 'node:crypto';
import { received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';

/** Tokens by tag. */
export type Stamps = Readonly<Record<string, string>>;

/** The tag on every value; `flush` deletes its token. */
export const everythingTag = '*';

/**
 * No tag begins with it: keys beside the tokens, which are set to be heard of, do (see `tracking.ts`). PostgreSQL's names
 * cannot contain it, so any table's name may be a tag.
 */
export const internalMark = '\0';

const tagLengthMax = 200;
const everyRow = '!';

/**
 * @throws {CacheError} `INVALID_TAG` unless `tag` is a text of 1…200 characters that does not begin with NUL, other than `*`
 *   and `<table>:!`.
 */
export function checkTag(place: string, tag: unknown): void {
  const isText = typeof tag === 'string' && tag.length > 0 && tag.length <= tagLengthMax;
  const { table, id } = (isText && rowOf(tag)) || {};
  const isOurs = isText && (tag.startsWith(internalMark) || tag === everythingTag);
  // Half a character: stores write another in its place, and then tell of a tag that nobody has.
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

/** What a value with these tags is stamped with: their tokens, those of the rows' tables, and that of everything. */
export function tagsOnValue(tags: readonly string[]): readonly string[] {
  const tables = tags.flatMap((tag) => rowOf(tag)?.table ?? []);
  return [...new Set([everythingTag, ...tags, ...tables.map((table) => `${table}:${everyRow}`)])];
}

/** The tags whose tokens go when these are invalidated. */
export function tagsToDrop(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.flatMap((tag) => [tag, rowOf(tag)?.table ?? `${tag}:${everyRow}`]))];
}

function rowOf(tag: string): { table: string; id: string } | undefined {
  const colon = tag.indexOf(':');
  return colon === -1 ? undefined : { table: tag.slice(0, colon), id: tag.slice(colon + 1) };
}

/** The tags of one fetch. */
export interface FetchTags {
  /** Those that a value must be stamped with, whatever its load touches. */
  readonly required: readonly string[];
  /** These, and those that the load is expected to touch: their tokens are read, and captured before the load. */
  readonly all: readonly string[];
  /** Whether the policy names any. */
  readonly areNamed: boolean;
}

/** Whether what `tag` stands for is among `required`: itself, or rows of it instead of it. */
export function covers(required: readonly string[], tag: string): boolean {
  return required.includes(tag) || required.includes(`${tag}:${everyRow}`);
}

/** The stamps for `tags`, or undefined where a token is missing: what carries no token could never be invalidated. */
export function stampsOf(tags: readonly string[], tokens: readonly (string | undefined)[]): Stamps | undefined {
  const stamps = new Map<string, string>();
  for (const [index, tag] of tags.entries()) {
    const token = tokens[index];
    if (token === undefined) return undefined;
    stamps.set(tag, token);
  }
  return Object.fromEntries(stamps); // an assignment would lose the tag `__proto__`
}

/** What a load stands on, as its lease tells other processes: 16 characters for each tag and its token. */
export function stampsDigestOf(stamps: Stamps): string {
  const pairs = Object.entries(stamps).map(([tag, token]) => digestOf(tag) + digestOf(token));
  return pairs.toSorted().join('');
}

/**
 * Checks whether a load on `basis` is invalidated by `stamps`, which are newer: one of its tags has another token there.
 *
 * A tag that only one of the two has decides nothing. Processes expect different tags of one field: a process that has seen
 * its load expects the tables that it touched, another one all tables.
 */
export function isInvalidated(basis: string, stamps: Stamps): boolean {
  const current = stampsDigestOf(stamps);
  if (basis === current) return false;
  const digests = new Map(pairsIn(current));
  return pairsIn(basis).some(([tag, token]) => digests.has(tag) && digests.get(tag) !== token);
}

function pairsIn(basis: string): [tag: string, token: string][] {
  const pairs = basis.match(/.{16}/gs) ?? [];
  return pairs.map((pair) => [pair.slice(0, 8), pair.slice(8)]);
}

/** 48 bits: two that are equal by accident cost a wait for a load that is invalid. */
function digestOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 8);
}
