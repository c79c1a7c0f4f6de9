/**
 * Values whose properties are stored apart, so that one can be read or replaced alone. The entry then holds a mark in place of the
 * value. A program that does not know the mark finds the entry corrupt.
 */
import { types } from 'node:util';
import type { ClassCodecs } from './class-codecs.ts';
import { decodeValue, encodeProperties } from './codec.ts';
import { identityOf, isPlainObject } from './plain-data.ts';

/** The texts of properties, by name, in the order of the value. */
export type PropertyTexts = ReadonlyMap<string, string>;

/** Which properties are read. */
export type PropertyNames = readonly string[] | 'all';

/** Redis can pass 8,000 arguments to a command in a script. */
export const propertiesMax = 2_000;

/**
 * The stored form of each property of `value`. Undefined if it is stored as one text: anything but a plain object, one that is empty or
 * has more than 2,000 properties, and one in which an object occurs in several places.
 *
 * @throws {UnencodableError} as `encodeValue`.
 */
export function propertyTextsOf(value: unknown, codecs: ClassCodecs): PropertyTexts | undefined {
  if (!isRecord(value) || Object.getPrototypeOf(value) === null || identityOf(value) !== undefined) return undefined;
  const names = Object.keys(value);
  if (names.length === 0 || names.length > propertiesMax) return undefined;
  // UTF-8 has no lone surrogates: two such names would become one.
  if (names.some((name) => /\p{Surrogate}/u.test(name))) return undefined;
  return encodeProperties(value, codecs);
}

export function textCharsOf(properties: PropertyTexts): number {
  let sum = 0;
  for (const [name, text] of properties) sum += name.length + text.length;
  return sum;
}

/** Stands for the value in the text of its entry. No value is encoded like this. */
export const apartText = '{"$":"fields"}';

/** Whether this was parsed from `apartText`. */
export function isApart(json: unknown): boolean {
  return typeof json === 'object' && json !== null && '$' in json && json.$ === 'fields';
}

/** The object with the properties that were read: all of them, or those of these names that it has. */
export function decodeProperties(
  properties: PropertyTexts,
  { names, codecs }: { names: PropertyNames; codecs: ClassCodecs },
): Record<string, unknown> {
  const texts = names === 'all' ? [...properties] : names.map((name) => [name, properties.get(name)] as const);
  return Object.fromEntries(
    texts.flatMap(([name, text]) => (text === undefined ? [] : [[name, decodeProperty(text, codecs)] as const])),
  );
}

function decodeProperty(text: string, codecs: ClassCodecs): unknown {
  const json: unknown = JSON.parse(text);
  return text.includes('"$":') ? decodeValue(json, codecs) : json;
}

/**
 * A copy of `value` with those of these properties that it has, in their order, frozen if `value` is; `value` itself if it is not a plain
 * object, or one of them is a method.
 */
export function onlyOf(value: unknown, only: readonly string[]): unknown {
  if (!isRecord(value)) return value;
  const pairs = only.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]] as const);
  // A method may read other properties.
  if (pairs.some(([, item]) => typeof item === 'function')) return value;
  const copy: unknown = Object.setPrototypeOf(Object.fromEntries(pairs), Object.getPrototypeOf(value) as object | null);
  return Object.isFrozen(value) ? Object.freeze(copy) : copy;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  return isPlainObject(value) && !Array.isArray(value);
}
