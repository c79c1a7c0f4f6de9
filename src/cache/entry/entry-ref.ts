import { entryIdOf, isPossibleTtl, type Entry } from './entry.ts';
import type { Key } from './key.ts';

import type { Stamps } from '../tags/tags.ts';
import { isValid, type TokenOf } from '../tags/validity.ts';

/** Identifies an entry that a value was read from; `Cache.revalidate` checks whether it is still valid. */
export interface EntryRef extends EntryVersion {
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
  /** How long the entry was fresh in total, when it was written. */
  readonly freshMs: number;
  /** How long its load took. */
  readonly loadMs: number;
}

export function entryRefOf({ text: key, field }: Key, { stamps, freshMs, loadMs }: Entry, text: string): EntryRef {
  return { key, field, stamps, freshMs, loadMs, entryId: entryIdOf(text), textBytes: Buffer.byteLength(text) };
}

/** Whether an entry with this much of its life left is still valid. */
export function isStillValid(entryRef: EntryRef, remainingMs: number, tokenOf: TokenOf): boolean {
  return isPossibleTtl(entryRef, remainingMs) && isValid(entryRef.stamps, tokenOf);
}

/** Tells one entry of a key from the next one. */
export interface EntryVersion {
  readonly key: string;
  /** The beginning of the entry's text. */
  readonly entryId: string;
  /** The length of its text in UTF-8. */
  readonly textBytes: number;
}

/** A valid entry with its value. */
export interface CachedEntry {
  readonly entry: Entry;
  readonly remainingMs: number;
  readonly entryRef: EntryRef;
}

/** A value that another value depends on: its key says for whom it is, its stamps what invalidates it. */
export interface Dependency {
  readonly key: Key;
  /** Undefined if the value is not stored. */
  readonly stamps: Stamps | undefined;
}
