/**
 * Values that many readers share. What is made of plain objects, lists and primitives is frozen to its depths, so that a
 * reader who changes it fails instead of changing the next one's. A Date or bytes cannot be frozen: what holds any is kept
 * as text, and everyone is given a copy of his own.
 */
import { decodeValue, encodeValue } from './codec.ts';
import { isPlainArray, isPlainObject } from './plain-data.ts';

/** A value, or the text that copies of it are made of, and about how many bytes it takes. */
export type SharedValue = { readonly bytes: number } & ({ readonly frozen: unknown } | { readonly text: string });

/**
 * `value`, which may be frozen by this, ready to be shared.
 *
 * @throws {CacheError} `UNENCODABLE`
 */
export function shareValue(value: unknown): SharedValue {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return { frozen: frozen(value), bytes };
  const text = encodeValue(value);
  return { text, bytes: bytesOfText(text) };
}

/** What a reader is given. */
export function readShared(shared: SharedValue): unknown {
  return 'text' in shared ? decodeValue(JSON.parse(shared.text)) : shared.frozen;
}

/**
 * About what V8 takes for it, rather more than less; undefined where it cannot be frozen. Measured on Node 24 by
 * `npm run prove:engine`.
 */
export function bytesOf(value: unknown, counted: Set<object> = new Set()): number | undefined {
  switch (typeof value) {
    case 'string':
      return bytesOfText(value);
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : 16;
    case 'bigint':
      return 32;
    case 'object':
      return value === null || counted.has(value) ? 0 : bytesOfObject(value, counted);
    default:
      return 0;
  }
}

function bytesOfObject(value: object, counted: Set<object>): number | undefined {
  if (!(isPlainArray(value) || isPlainObject(value))) return undefined;
  counted.add(value);
  let sum = objectBytes;
  for (const item of Object.values(value)) {
    const bytes = bytesOf(item, counted);
    if (bytes === undefined) return undefined;
    sum += placeBytes + bytes;
  }
  return sum;
}

/** Header, shape, the list of its properties. */
const objectBytes = 40;
/** A property, or an item. */
const placeBytes = 8;

function bytesOfText(text: string): number {
  const isWide = /[^\0-\u00ff]/.test(text);
  return 24 + (isWide ? 2 * text.length : text.length);
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value); // before its items, one of which may lead back to it
  for (const item of Object.values(value)) frozen(item);
  return value;
}
