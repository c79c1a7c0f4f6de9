/**
 * Values that several readers share. Plain objects, lists and primitives are frozen deeply, so that a reader that tries to
 * change the value fails, instead of changing it for the next reader. A Date, bytes and what a codec has decoded cannot be frozen: a value
 * that contains any is kept as text, and each reader receives a copy.
 */
import type { ClassCodecs } from './class-codecs.ts';
import { decodeValue, encodeValue } from './codec.ts';
import { isFreezable, isPlainArray, isPlainObject } from './plain-data.ts';

/** A frozen value, or the text from which copies are decoded, with its approximate size. */
export type SharedValue = { readonly bytes: number } & ({ readonly frozen: unknown } | { readonly text: string });

/**
 * Prepares `value` for sharing, and may freeze it.
 *
 * @throws {CacheError} `UNENCODABLE`
 */
export function shareValue(value: unknown, codecs: ClassCodecs): SharedValue {
  // Without codecs, no decoded object has more than the properties that are frozen.
  const bytes = bytesOf(value, codecs.isEmpty ? isPlain : isFreezable);
  if (bytes !== undefined) return { frozen: frozen(value), bytes };
  const text = encodeValue(value, codecs);
  return { text, bytes: bytesOfText(text) };
}

/**
 * Returns the value for one reader.
 *
 * @throws {CacheError} `CORRUPT_ENTRY` if a codec fails.
 */
export function readShared(shared: SharedValue, codecs: ClassCodecs): unknown {
  return 'text' in shared ? decodeValue(JSON.parse(shared.text), codecs) : shared.frozen;
}

/**
 * The approximate size of `value` in V8, rather over- than underestimated; undefined if it cannot be frozen. Measured on
 * Node 24 by `npm run prove:engine`.
 */
export function bytesOf(
  value: unknown,
  canFreeze: (value: object) => boolean = isPlain,
  counted: Set<object> = new Set(),
): number | undefined {
  switch (typeof value) {
    case 'string':
      return bytesOfText(value);
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : 16;
    case 'bigint':
      return 32;
    case 'object':
      return value === null || counted.has(value) ? 0 : bytesOfObject(value, canFreeze, counted);
    default:
      return 0;
  }
}

function isPlain(value: object): boolean {
  return isPlainArray(value) || isPlainObject(value);
}

function bytesOfObject(value: object, canFreeze: (value: object) => boolean, counted: Set<object>): number | undefined {
  if (!canFreeze(value)) return undefined;
  counted.add(value);
  let sum = objectBytes;
  for (const item of Object.values(value)) {
    const bytes = bytesOf(item, canFreeze, counted);
    if (bytes === undefined) return undefined;
    sum += placeBytes + bytes;
  }
  return sum;
}

/** The header, the hidden class and the list of properties. */
const objectBytes = 40;
/** One property or item. */
const placeBytes = 8;

function bytesOfText(text: string): number {
  const isWide = /[^\0-\u00ff]/.test(text);
  return 24 + (isWide ? 2 * text.length : text.length);
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value); // before its items, one of which may refer back to it
  for (const item of Object.values(value)) frozen(item);
  return value;
}
