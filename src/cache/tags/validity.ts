/**
 * The check of stamps against tokens, on which every read rests: a value is valid only while each tag still has the token
 * that the value is stamped with. A tag without a token is never valid.
 */
import type { Stamps } from './tags.ts';

/** The current token of a tag; undefined if it has none, or if it is not known. */
export type TokenOf = (tag: string) => string | undefined;

/** The tokens of `tags`, as a store returned them. */
export function tokensByTag(
  tags: readonly string[],
  tokens: readonly (string | undefined)[],
): Map<string, string | undefined> {
  return new Map(tags.map((tag, index) => [tag, tokens[index]]));
}

/** Whether every stamp is the current token of its tag. */
export function isValid(stamps: Stamps, tokenOf: TokenOf): boolean {
  for (const tag in stamps) if (stamps[tag] !== tokenOf(tag)) return false;
  return true;
}

/** Whether a value with `stamps` carries every tag that a fetch requires. A value without one of them may be outdated. */
export function hasRequired(stamps: Stamps, required: readonly string[]): boolean {
  return required.every((tag) => Object.hasOwn(stamps, tag));
}

/** Whether `tokens`, which are those of `tags`, are all there and equal to the stamps. */
export function areStamps(stamps: Stamps, tags: readonly string[], tokens: readonly (string | undefined)[]): boolean {
  return tags.every((tag, index) => tokens[index] !== undefined && stamps[tag] === tokens[index]);
}
