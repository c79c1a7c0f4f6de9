/**
 * The stored form of a value: JSON that says what it is when read with `redis-cli GET`. It holds durations, never points
 * in time: how old an entry is follows from what is left of its life, whatever the clocks of different machines say.
 */
import { decodeValue, encodeValue, jsonToRead } from './codec.ts';
import type { Key } from './key.ts';
import { randomText } from '../base/random-text.ts';

import type { Stamps } from '../tags/tags.ts';
import { UnencodableError } from './unencodable.ts';

export interface Entry {
  readonly value: unknown;
  /** The whole life of the entry when it was written. */
  readonly freshMs: number;
  /** How long its load took: what a hit saves. */
  readonly loadMs: number;
  readonly stamps: Stamps;
}

/** @throws {UnencodableError} for a value that has no stored form, or arguments into which the load put what has none. */
export function encodeEntry(key: Key, { value, freshMs, loadMs, stamps }: Entry): string {
  const head = JSON.stringify({
    id: randomText(12),
    key: key.text,
    field: key.field,
    ...(key.parent === undefined ? {} : { parent: String(key.parent) }),
    args: argsToRead(key),
    freshMs,
    loadMs,
    stamps,
  });
  return `${head.slice(0, -1)},"value":${encodeValue(value)}}`;
}

const entryIdPattern = /^\{"id":"[\w-]{16}"/;

/** Where in the arguments it was is not said: their names may be a client's. */
function argsToRead({ args }: Key): unknown {
  try {
    return jsonToRead(args);
  } catch (error) {
    if (!(error instanceof UnencodableError)) throw error;
    throw new UnencodableError(`${error.got} in the arguments, which the resolver changed`, []);
  }
}

/** What tells one entry at a key from the next one there: its id, with which it begins; `anyValue` for what is not ours. */
export function entryIdOf(text: string): string {
  const head = entryIdPattern.exec(text)?.[0];
  // A copy: what a match gives is a part of the text for V8, which keeps all of that as long as its head.
  return head === undefined ? anyEntryId : Buffer.from(head).toString();
}

/** What the clocks of a process and its Redis may differ in the length of an entry's life. */
const clockSlackMs = 1_000;

/**
 * The entry in `text`, or undefined for anything that `encodeEntry` did not write for this key, such as a copy of another's,
 * and for what has longer to live than it was given: somebody has changed its expiry, or put the server's clock back.
 */
export function decodeEntry(key: Key, { text, remainingMs }: { text: string; remainingMs: number }): Entry | undefined {
  if (!entryIdPattern.test(text)) return undefined; // a megabyte of something else need not be parsed
  try {
    const json: unknown = JSON.parse(text);
    if (!isStored(json) || json.key !== key.text || !isPossibleTtl(json, remainingMs)) return undefined;
    const value = text.includes('"$":') ? decodeValue(json.value) : json.value;
    return { value, freshMs: json.freshMs, loadMs: json.loadMs, stamps: json.stamps };
  } catch {
    return undefined; // no JSON, or a type that no encoder writes
  }
}

/** Whether an entry may have so much left of its life. */
export function isPossibleTtl({ freshMs }: Pick<Entry, 'freshMs'>, remainingMs: number): boolean {
  return remainingMs <= freshMs + clockSlackMs;
}

interface Stored extends Entry {
  readonly key: string;
}

function isStored(json: unknown): json is Stored {
  if (typeof json !== 'object' || json === null || !('value' in json)) return false;
  const { key, freshMs, loadMs, stamps } = json as Partial<Stored>;
  return (
    typeof key === 'string' &&
    typeof freshMs === 'number' &&
    typeof loadMs === 'number' &&
    typeof stamps === 'object' &&
    stamps !== null
  );
}

/** `head` of a value that was not ours. */
export const anyEntryId = '*';
