/** What counts as plain data, for keys and for stored values alike: what comes back from text as it went in. */

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
  return value instanceof Date && value.constructor === Date;
}

export function isBytes(value: object): value is Uint8Array {
  return Buffer.isBuffer(value) || (value instanceof Uint8Array && value.constructor === Uint8Array);
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
  const what = Array.isArray(value) ? 'a list' : 'an object';
  if (hasSymbolKeys(value)) return `${what} with symbol keys`;
  return Array.isArray(value) ? untoldPartOfItems(value) : untoldPartOfRecord(value);
}

function untoldPartOfItems(items: readonly unknown[]): string | undefined {
  for (let index = 0; index < items.length; index += 1) {
    const property = Object.getOwnPropertyDescriptor(items, index);
    if (property === undefined) return 'a list with holes';
    if (isAccessor(property)) return 'a list with accessors';
  }
  const isNamed = Object.getOwnPropertyNames(items).length > items.length + 1; // `length` is a property too
  return isNamed ? 'a list with properties of its own' : undefined;
}

function untoldPartOfRecord(record: object): string | undefined {
  for (const name of Object.getOwnPropertyNames(record)) {
    const property = Object.getOwnPropertyDescriptor(record, name);
    if (property?.enumerable === false) return 'an object with hidden properties';
    if (property !== undefined && isAccessor(property)) return 'an object with accessors';
  }
  return undefined;
}

function isAccessor(property: PropertyDescriptor): boolean {
  return !Object.hasOwn(property, 'value');
}
