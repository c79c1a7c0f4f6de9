/** What counts as plain data, for keys and for stored values: data that text can express without a difference. */
import { isDeepStrictEqual, types } from 'node:util';

/** How deep data may be nested; deeper data is treated as a cycle. */
export const depthMax = 64;

export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Excludes instances of subclasses, such as a query's result, which would be decoded as an array. */
export function isPlainArray(value: object): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
}

/** Excludes instances of subclasses, which may hold more than a time; `isBytes` likewise. */
export function isDate(value: object): value is Date {
  return types.isDate(value) && Object.getPrototypeOf(value) === Date.prototype;
}

export function isBytes(value: object): value is Uint8Array {
  if (!types.isUint8Array(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Buffer.prototype || prototype === Uint8Array.prototype;
}

export function isMap(value: object): value is Map<unknown, unknown> {
  return types.isMap(value) && Object.getPrototypeOf(value) === Map.prototype;
}

export function isSet(value: object): value is Set<unknown> {
  return types.isSet(value) && Object.getPrototypeOf(value) === Set.prototype;
}

/** JSON cannot express them, and omits them silently. */
export function hasSymbolKeys(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

/** Describes an object that has more than a key would say of it, so that two different ones would share a key; undefined for others. */
export function excessOf(value: object): string | undefined {
  const isList = isPlainArray(value);
  if (!isList && !isDate(value) && (!isPlainObject(value) || Array.isArray(value)))
    return `an instance of ${value.constructor?.name ?? 'a class'}`;
  const what = isList ? 'a list' : isDate(value) ? 'a Date' : 'an object';
  if (hasSymbolKeys(value)) return `${what} with symbol keys`;
  const names = Object.getOwnPropertyNames(value);
  // Indices come first, then the other names in the order in which they were added.
  if (isList) return names.at(-1) === 'length' ? undefined : 'a list with properties of its own';
  if (isDate(value)) return names.length === 0 ? undefined : 'a Date with properties of its own';
  return names.length === Object.keys(value).length ? undefined : 'an object with hidden properties';
}

/**
 * Describes what the text of an array or a plain object would lose; undefined if nothing. A hole would be decoded as
 * undefined; hidden properties and named properties of a list would be omitted; a getter would become a value.
 */
export function lossOf(value: object): string | undefined {
  const what = Array.isArray(value) ? 'list' : 'object';
  if (hasSymbolKeys(value)) return `${what} with symbol keys`;
  return Array.isArray(value) ? lossOfItems(value) : lossOfRecord(value);
}

/** The same for bytes: the memory they are a view of, and properties of their own. Node's Buffers share pooled memory. */
export function lossOfBytes(bytes: Uint8Array): string | undefined {
  const isBuffer = Buffer.isBuffer(bytes);
  const copy = isBuffer ? Buffer.from(bytes) : new Uint8Array(bytes);
  if (!isDeepStrictEqual(bytes, copy)) return 'bytes with properties of their own';
  if (isBuffer) return undefined;
  const { buffer, byteLength } = bytes;
  const isWhole = types.isArrayBuffer(buffer) && buffer.byteLength === byteLength;
  const isResizable = 'resizable' in buffer && buffer.resizable === true;
  return isWhole && !isResizable ? undefined : 'view of shared, resizable or larger memory';
}

/** Whether text alone expresses a value, apart from what it contains. Any other instance or object is stored by a codec. */
export function isStoredAsIs(value: object): boolean {
  if (isBytes(value)) return lossOfBytes(value) === undefined;
  if (isDate(value) || isMap(value) || isSet(value)) return Reflect.ownKeys(value).length === 0;
  return isFreezable(value);
}

/** The same for lists and objects, the only values that can be frozen. */
export function isFreezable(value: object): boolean {
  return (isPlainArray(value) || (isPlainObject(value) && !Array.isArray(value))) && lossOf(value) === undefined;
}

function lossOfItems(items: readonly unknown[]): string | undefined {
  for (let index = 0; index < items.length; index += 1) {
    const property = Object.getOwnPropertyDescriptor(items, index);
    if (property === undefined) return 'list with holes';
    if (isAccessor(property)) return 'list with accessors';
    if (property.enumerable === false) return 'list with hidden items';
  }
  const isNamed = Object.getOwnPropertyNames(items).length > items.length + 1; // `length` is a property too
  return isNamed ? 'list with properties of its own' : undefined;
}

function lossOfRecord(record: object): string | undefined {
  const names = Object.getOwnPropertyNames(record);
  for (const name of names) {
    const property = Object.getOwnPropertyDescriptor(record, name);
    if (property?.enumerable === false) return 'object with hidden properties';
    if (property !== undefined && isAccessor(property)) return 'object with accessors';
  }
  return isDisguised(record, names) ? 'built-in object whose prototype was replaced' : undefined;
}

/** Detects built-in objects by their internal slots, whatever their prototype: a record with the same names has none. */
const builtIns = [
  types.isAnyArrayBuffer,
  types.isBoxedPrimitive,
  types.isDate,
  types.isExternal,
  types.isGeneratorObject,
  types.isMap,
  types.isMapIterator,
  types.isPromise,
  types.isRegExp,
  types.isSet,
  types.isSetIterator,
  types.isWeakMap,
  types.isWeakSet,
];

function isDisguised(record: object, names: readonly string[]): boolean {
  return ArrayBuffer.isView(record) || (names.length === 0 && builtIns.some((isOne) => isOne(record)));
}

function isAccessor(property: PropertyDescriptor): boolean {
  return !Object.hasOwn(property, 'value');
}

/**
 * Objects that a program knows by identity, such as the internal values of a GraphQL enum. A copy would be another object, so
 * a value that contains one is not stored. In a key, such an object is written as its name, because two of them may have equal
 * contents.
 */
const names = new WeakMap<object, string>();

/**
 * Declares that `value` is known by identity.
 *
 * @param name Unique among such objects, in this process and in others: `Currency.EUR`. The first name of an object counts.
 */
export function noteIdentity(value: object, name: string): void {
  if (!names.has(value)) names.set(value, name);
}

export function identityOf(value: object): string | undefined {
  return names.get(value);
}

/** Whether it is what a generator function or an asynchronous one returns, or an iterator of a Map or a Set. */
export function isIterator(value: object): boolean {
  return types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value);
}
