import { entryIdOf, isPossibleTtl, type Entry } from './entry.ts';
import type { Key } from './key.ts';

import type { Stamps } from '../tags/tags.ts';
import { isValid, type TokenOf } from '../tags/validity.ts';

/** An entry that a value was read from, without the value: `Cache.again` tells whether it would be given once more. */
export interface EntryRef extends EntryVersion {
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
  /** The whole life of the entry when it was written. */
  readonly freshMs: number;
  /** How long its load took. */
  readonly loadMs: number;
}

export function entryRefOf({ text: key, field }: Key, { stamps, freshMs, loadMs }: Entry, text: string): EntryRef {
  return { key, field, stamps, freshMs, loadMs, entryId: entryIdOf(text), textBytes: Buffer.byteLength(text) };
}

/** Whether the entry is still valid: its tokens are unchanged, and it has no longer to live than it was given. */
export function isStillValid(entryRef: EntryRef, remainingMs: number, tokenOf: TokenOf): boolean {
  return isPossibleTtl(entryRef, remainingMs) && isValid(entryRef.stamps, tokenOf);
}

/** What an entry is known by: no other has it. */
export interface EntryVersion {
  readonly key: string;
  /** What its text begins with. */
  readonly entryId: string;
  /** The length of its text in UTF-8. */
  readonly textBytes: number;
}

/** An entry that may be given, and what is left of its life. */
export interface CachedEntry {
  readonly entry: Entry;
  readonly remainingMs: number;
  readonly entryRef: EntryRef;
}

/** Where a value comes from: whom it is for, and what it stands on. */
export interface Dependency {
  readonly key: Key;
  /** Undefined where the value is not stored. */
  readonly stamps: Stamps | undefined;
}
