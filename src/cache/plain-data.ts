/** What counts as plain data, for keys and for stored values alike: what comes back from text as it went in. */

/** How deep data may be nested; what is deeper is taken for a cycle. */
export const depthMax = 64;

export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
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
