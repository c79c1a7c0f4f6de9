import { excessOf, identityOf, isBytes, isDate } from './plain-data.ts';

/**
 * Returns a copy of the arguments of a key, for a load that may change what it receives: of their lists, objects, dates and bytes. Instances
 * that a codec encodes and objects that are known by identity are not copied.
 *
 * @param args Arguments that have a key, so they are not nested deeply.
 */
export function copyOfArguments(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return withCopies({ ...args });
}

/** Replaces the items of a new object. */
function withCopies(record: Record<string, unknown>): Record<string, unknown> {
  for (const [name, item] of Object.entries(record))
    if (typeof item === 'object' && item !== null) record[name] = copyOf(item);
  return record;
}

function copyOf(value: object): unknown {
  if (identityOf(value) !== undefined) return value;
  if (isBytes(value)) return Buffer.isBuffer(value) ? Buffer.from(value) : new Uint8Array(value);
  if (excessOf(value) !== undefined) return value;
  if (isDate(value)) return new Date(value);
  if (Array.isArray(value))
    return value.map((item: unknown) => (typeof item === 'object' && item !== null ? copyOf(item) : item));
  const copy: Record<string, unknown> =
    Object.getPrototypeOf(value) === null ? Object.assign(Object.create(null), value) : { ...value };
  return withCopies(copy);
}
