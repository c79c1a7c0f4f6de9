import { headOf, isLifeOf, type Entry } from './entry.ts';
import type { Key } from './key.ts';
import type { StoreRead } from './store.ts';
import type { Stamps } from './tags.ts';

/** An entry that a value was read from, without the value: `Cache.again` tells whether it would be given once more. */
export interface Held {
  readonly key: string;
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
  /** The whole life of the entry when it was written. */
  readonly freshMs: number;
  /** How long its load took. */
  readonly loadMs: number;
  /** What its stored form begins with, which no other one does, and how long that is. */
  readonly head: string;
  readonly textChars: number;
}

export function heldOf({ text: key, field }: Key, { stamps, freshMs, loadMs }: Entry, text: string): Held {
  return { key, field, stamps, freshMs, loadMs, head: headOf(text), textChars: text.length };
}

/** Whether this is what the store has at its key, and each token of `tags`, those of its stamps, is what it was. */
export function isStored(held: Held, tags: readonly string[], { text, remainingMs, tokens }: StoreRead): boolean {
  if (text === undefined || text.length !== held.textChars || !text.startsWith(held.head)) return false;
  return isLifeOf(held, remainingMs) && tags.every((tag, index) => tokens[index] === held.stamps[tag]);
}
