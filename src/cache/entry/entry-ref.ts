import { headOf, isLifeOf, type Entry } from './entry.ts';
import type { Key } from './key.ts';

import type { Stamps } from '../tags/tags.ts';

/** An entry that a value was read from, without the value: `Cache.again` tells whether it would be given once more. */
export interface Held extends EntryMark {
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
  /** The whole life of the entry when it was written. */
  readonly freshMs: number;
  /** How long its load took. */
  readonly loadMs: number;
}

export function heldOf({ text: key, field }: Key, { stamps, freshMs, loadMs }: Entry, text: string): Held {
  return { key, field, stamps, freshMs, loadMs, head: headOf(text), textBytes: Buffer.byteLength(text) };
}

/** Whether it would be given, being in the store for so much longer, where `tokenOf` gives the tokens as they stand. */
export function stands(held: Held, remainingMs: number, tokenOf: (tag: string) => string | undefined): boolean {
  return isLifeOf(held, remainingMs) && Object.entries(held.stamps).every(([tag, token]) => tokenOf(tag) === token);
}

/** What an entry is known by: no other has it. */
export interface EntryMark {
  readonly key: string;
  /** What its text begins with. */
  readonly head: string;
  /** The length of its text in UTF-8. */
  readonly textBytes: number;
}

/** An entry that may be given, and what is left of its life. */
export interface Found {
  readonly entry: Entry;
  readonly remainingMs: number;
  readonly held: Held;
}

/** Where a value comes from: whom it is for, and what it stands on. */
export interface Origin {
  readonly key: Key;
  /** Undefined where the value is not stored. */
  readonly stamps: Stamps | undefined;
}
