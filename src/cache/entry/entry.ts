/**
 * The stored form of a value: JSON that explains itself when read with `redis-cli GET`. It contains durations, never points
 * in time: the age of an entry follows from its remaining TTL, whatever the clocks of different machines say.
 */
import { randomBytes } from 'node:crypto';
import type { ClassCodecs } from './class-codecs.ts';
import { decodeValue, encodeValue, jsonToRead } from './codec.ts';
import type { Key } from './key.ts';
import { apartText, decodeProperties, isApart, type PropertyNames, type PropertyTexts } from './properties.ts';

import type { Stamps } from '../tags/tags.ts';
import { isValid, type TokenOf } from '../tags/validity.ts';
import { UnencodableError } from './unencodable.ts';

interface Entry {
  readonly value: unknown;
  /** How long the entry is fresh in total. */
  readonly freshMs: number;
  /** How long it may be returned after that, while it is loaded again. */
  readonly staleMs: number;
  /** How long its load took, which is what a hit saves. */
  readonly loadMs: number;
  readonly stamps: Stamps;
  /** Whether the properties of the value are stored apart; its value is undefined until they are read. */
  readonly isApart?: true;
}

/**
 * @param entry With the properties of its value, if they are stored apart.
 * @throws {UnencodableError} if the value has no stored form, or if the resolver put something into the arguments that has none.
 */
export function encodeEntry(
  key: Key,
  { value, properties, freshMs, staleMs, loadMs, stamps }: Entry & { readonly properties?: PropertyTexts | undefined },
  codecs: ClassCodecs,
): string {
  const start = JSON.stringify({
    id: newId(),
    key: key.text,
    field: key.field,
    ...(key.parent === undefined ? {} : { parent: String(key.parent) }),
    args: argsToRead(key, codecs),
    freshMs,
    ...(staleMs === 0 ? {} : { staleMs }),
    loadMs,
    stamps,
  });
  return `${start.slice(0, -1)},"value":${properties === undefined ? encodeValue(value, codecs) : apartText}}`;
}

function newId(): string {
  return randomBytes(12).toString('base64url');
}

/** The beginning of the text of an entry that replaces another one with the same content. */
export function newEntryId(): string {
  return `{"id":"${newId()}"`;
}

const entryIdPattern = /^\{"id":"[\w-]{16}"/;

/** The error does not say where in the arguments: their names may come from a client. */
function argsToRead({ args }: Key, codecs: ClassCodecs): unknown {
  try {
    return jsonToRead(args, codecs);
  } catch (error) {
    if (!(error instanceof UnencodableError)) throw error;
    throw new UnencodableError(`${error.got} in the arguments, which the resolver changed`, []);
  }
}

/** The beginning of an entry's text, up to its id, which is random; `anyEntryId` for a text that is not an entry. */
export function entryIdOf(text: string): string {
  const id = entryIdPattern.exec(text)?.[0];
  // A copy: V8 represents a match as a slice, which would keep the whole text in memory.
  return id === undefined ? anyEntryId : Buffer.from(id).toString();
}

/** By how much the clocks of a process and of its Redis may differ over the life of an entry. */
const clockSlackMs = 1_000;

/** What was read of an entry. */
interface StoredTexts {
  readonly text: string;
  readonly lifeMs: number;
  /** Of a value whose properties are stored apart; undefined if they were not read, or are missing. */
  readonly properties?: PropertyTexts | undefined;
  readonly names?: PropertyNames | undefined;
}

/**
 * Decodes the entry in `text`. Undefined for anything that `encodeEntry` did not write for this key, such as a copy of another
 * key's entry, and if the entry has longer to live than it was given: its expiry or the server's clock was changed.
 */
export function decodeEntry(
  key: Key,
  { text, lifeMs, properties, names = 'all' }: StoredTexts,
  codecs: ClassCodecs,
): Entry | undefined {
  if (!entryIdPattern.test(text)) return undefined; // a foreign value may be large: it is not parsed
  try {
    const json: unknown = JSON.parse(text);
    if (!isStored(json) || json.key !== key.text || !isPossibleLife(json, lifeMs)) return undefined;
    const { freshMs, staleMs = 0, loadMs, stamps } = json;
    const isMarked = text.includes('"$":');
    if (isMarked && isApart(json.value)) {
      const apart = properties && decodeProperties(properties, { names, codecs });
      return { value: apart, freshMs, staleMs, loadMs, stamps, isApart: true };
    }
    const value = isMarked ? decodeValue(json.value, codecs) : json.value;
    return { value, freshMs, staleMs, loadMs, stamps };
  } catch {
    return undefined; // not JSON, a type that `encodeEntry` never writes, or a codec has failed
  }
}

/** Whether an entry can have this much of its life left. */
function isPossibleLife({ freshMs, staleMs = 0 }: Pick<Stored, 'freshMs' | 'staleMs'>, lifeMs: number): boolean {
  return lifeMs <= freshMs + staleMs + clockSlackMs;
}

interface Stored extends Omit<Entry, 'staleMs'> {
  readonly key: string;
  /** Absent if it is 0. */
  readonly staleMs?: number;
}

function isStored(json: unknown): json is Stored {
  if (typeof json !== 'object' || json === null || !('value' in json)) return false;
  const { key, freshMs, staleMs = 0, loadMs, stamps } = json as Partial<Stored>;
  return (
    typeof key === 'string' &&
    typeof freshMs === 'number' &&
    typeof staleMs === 'number' &&
    typeof loadMs === 'number' &&
    typeof stamps === 'object' &&
    stamps !== null
  );
}

/** Identifies every text that is not an entry. */
export const anyEntryId = '*';

/** Whether `text` is what the caller of `Store.acquire` has rejected. */
export function isRejected(text: string, rejectedEntryId: string | undefined): boolean {
  if (rejectedEntryId === anyEntryId) return entryIdOf(text) === anyEntryId;
  return rejectedEntryId !== undefined && text.startsWith(rejectedEntryId);
}

/** Identifies an entry that a value was read from; `Cache.revalidate` checks whether it is still valid. */
export interface EntryRef extends EntryVersion {
  /** `Type.field`. */
  readonly field: string;
  readonly stamps: Stamps;
  /** How long the entry was fresh in total, when it was written. */
  readonly freshMs: number;
  /** For how long it was stored beyond that. */
  readonly staleMs: number;
  /** How long its load took. */
  readonly loadMs: number;
}

export function entryRefOf(
  { text: key, field }: Key,
  { stamps, freshMs, staleMs, loadMs }: Entry,
  text: string,
): EntryRef {
  return { key, field, stamps, freshMs, staleMs, loadMs, entryId: entryIdOf(text), textBytes: Buffer.byteLength(text) };
}

/** How long an entry with this much of its life left stays fresh; undefined if it is not valid any more. */
export function freshMsLeft(entryRef: EntryRef, lifeMs: number, tokenOf: TokenOf): number | undefined {
  const remainingMs = lifeMs - entryRef.staleMs;
  const isFresh = remainingMs > 0 && isPossibleLife(entryRef, lifeMs);
  return isFresh && isValid(entryRef.stamps, tokenOf) ? remainingMs : undefined;
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
  /** How long it stays fresh; 0 or less if it is stale. */
  readonly remainingMs: number;
  readonly entryRef: EntryRef;
  /** The properties that were read alone; undefined if the value is whole. */
  readonly only?: ReadonlySet<string> | undefined;
}

/** A value that another value depends on: its key says for whom it is, its stamps what invalidates it. */
export interface Dependency {
  readonly key: Key;
  /** Undefined if the value is not stored. */
  readonly stamps: Stamps | undefined;
}
