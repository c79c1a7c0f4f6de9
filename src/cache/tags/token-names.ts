/**
 * How tags are spelled in the names of keys. In this process, names that are not tags begin with NUL, which no tag does. In
 * Redis they begin with `!`, which people can read and type; a tag that begins with `!` gets another one in front.
 */
import { internalMark } from './tags.ts';

const mark = '!';

/** The part after the namespace's prefix in the key of a tag's token, or of a name that is not a tag. */
export function tokenNameOf(tag: string): string {
  if (tag.startsWith(internalMark)) return mark + tag.slice(internalMark.length);
  return tag.startsWith(mark) ? mark + tag : tag;
}

/** The reverse of `tokenNameOf`. */
export function tagOf(tokenName: string): string {
  if (!tokenName.startsWith(mark)) return tokenName;
  return tokenName.startsWith(mark + mark) ? tokenName.slice(mark.length) : internalMark + tokenName.slice(mark.length);
}
