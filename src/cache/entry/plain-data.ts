/** What counts as plain data, for keys and for stored values alike: what comes back from text as it went in. */
import { isDeepStrictEqual, types } from 'node:util';

/** How deep data may be nested; what is deeper is taken for a cycle. */
export const depthMax = 64;

export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Not an instance of a subclass, such as the result of a query, which would come back as an array. */
export function isPlainArray(value: object): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
}

/** Not an instance of a subclass, which may hold more than its time; `isBytes` likewise. */
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

/** JSON has no form for them, and would leave them out without a word. */
export function hasSymbolKeys(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

/**
 * What of an array or a plain object its text would not tell, or undefined: a hole would come back as undefined, a
 * hidden property and the name of an item not at all, and a getter as what it gave once.
 */
export function untoldPartOf(value: object): string | undefined {
  const what = Array.isArray(value) ? 'list' : 'object';
  if (hasSymbolKeys(value)) return `${what} with symbol keys`;
  return Array.isArray(value) ? untoldPartOfItems(value) : untoldPartOfRecord(value);
}

/** The same of bytes: what they are a view of, and properties of their own. Node shares the memory behind its Buffers. */
export function untoldPartOfBytes(bytes: Uint8Array): string | undefined {
  const isBuffer = Buffer.isBuffer(bytes);
  const copy = isBuffer ? Buffer.from(bytes) : new Uint8Array(bytes);
  if (!isDeepStrictEqual(bytes, copy)) return 'bytes with properties of their own';
  if (isBuffer) return undefined;
  const { buffer, byteLength } = bytes;
  const isWhole = types.isArrayBuffer(buffer) && buffer.byteLength === byteLength;
  const isResizable = 'resizable' in buffer && buffer.resizable === true;
  return isWhole && !isResizable ? undefined : 'view of shared, resizable or larger memory';
}

function untoldPartOfItems(items: readonly unknown[]): string | undefined {
  for (let index = 0; index < items.length; index += 1) {
    const property = Object.getOwnPropertyDescriptor(items, index);
    if (property === undefined) return 'list with holes';
    if (isAccessor(property)) return 'list with accessors';
    if (property.enumerable === false) return 'list with hidden items';
  }
  const isNamed = Object.getOwnPropertyNames(items).length > items.length + 1; // `length` is a property too
  return isNamed ? 'list with properties of its own' : undefined;
}

function untoldPartOfRecord(record: object): string | undefined {
  const names = Object.getOwnPropertyNames(record);
  for (const name of names) {
    const property = Object.getOwnPropertyDescriptor(record, name);
    if (property?.enumerable === false) return 'object with hidden properties';
    if (property !== undefined && isAccessor(property)) return 'object with accessors';
  }
  return isDisguised(record, names) ? 'built-in object whose prototype was replaced' : undefined;
}

/** What only a built-in object has inside, whatever its prototype: of these a record with the same names has nothing. */
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
