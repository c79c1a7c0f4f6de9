/**
 * Values as JSON that a person can read, and back, with nothing changed on the way: what JSON has no form for is written
 * as `{"$": type, "value": …}`. A value that would come back as something else (an instance of a class, a function, a
 * promise) is refused, so that a hit never differs from a miss.
 */
import { isThenable } from '../async-context/index.ts';
import { CacheError } from './errors.ts';
import { depthMax, isBytes, isDate, isPlainArray, isPlainObject, untoldPartOf } from './plain-data.ts';

/** Part of the key's shape: raise it when the stored form changes. */
export const codecVersion = 3;

/** @throws {CacheError} `UNENCODABLE`, naming the path of what has no stored form. */
export function encodeValue(value: unknown): string {
  return JSON.stringify(jsonOf(value));
}

/** What `JSON.stringify` makes the stored form of: `value` itself where JSON tells all of it. Throws as `encodeValue`. */
export function jsonOf(value: unknown): unknown {
  return marked(value, []);
}

/** @throws {CacheError} `CORRUPT_ENTRY` for a type that no encoder writes. */
export function decodeValue(json: unknown): unknown {
  return revived(json);
}

/** A copy as a hit would give it; undefined where `value` has no stored form, and so no copy. */
export function copyOf(value: unknown): { readonly copy: unknown } | undefined {
  try {
    return { copy: decodeValue(JSON.parse(encodeValue(value))) };
  } catch {
    return undefined;
  }
}

/** Where the walk is; it stays as it was when a value is refused. */
type Path = (string | number)[];

/** `value` itself where JSON tells all of it, else a copy with the rest written as `{"$": …}`. */
function marked(value: unknown, path: Path): unknown {
  if (path.length > depthMax) throw unencodable(path, `nested deeper than ${depthMax} levels (a cycle?)`);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : mark('number', Object.is(value, -0) ? '-0' : String(value));
    case 'undefined':
      return mark('undefined', null);
    case 'bigint':
      return mark('bigint', String(value));
    case 'object':
      return value === null ? null : markedObject(value, path);
    default:
      throw unencodable(path, `a ${typeof value}`);
  }
}

function markedObject(value: object, path: Path): unknown {
  if (isPlainArray(value) || isPlainObject(value)) {
    const untold = untoldPartOf(value);
    if (untold !== undefined) throw unencodable(path, untold);
    // A proxy may have a method `then` that is not among its own properties.
    if (isThenable(value)) throw unencodable(path, 'a thenable');
    return Array.isArray(value) ? markedItems(value, path) : markedRecord(value as Record<string, unknown>, path);
  }
  const copy = markedInstance(value, path);
  if (copy === undefined) throw unencodable(path, `an instance of ${value.constructor?.name ?? 'a class'}`);
  return copy;
}

/** Undefined for an instance that its text would not tell all of. */
function markedInstance(value: object, path: Path): unknown {
  if (Buffer.isBuffer(value)) return mark('Buffer', value.toString('base64'));
  if (isBytes(value)) return mark('Uint8Array', Buffer.from(value).toString('base64'));
  if (Reflect.ownKeys(value).length > 0) return undefined; // somebody has hung more on it than it is
  if (isDate(value)) return mark('Date', Number.isNaN(value.getTime()) ? null : value.toISOString());
  if (value.constructor === Map) return mark('Map', markedItems([...(value as Map<unknown, unknown>)], path));
  if (value.constructor === Set) return mark('Set', markedItems([...(value as Set<unknown>)], path));
  return undefined;
}

function markedItems(items: readonly unknown[], path: Path): readonly unknown[] {
  let isChanged = false;
  const copies = Array.from(items, (item, index) => {
    const copy = markedAt(index, item, path);
    isChanged ||= copy !== item;
    return copy;
  });
  return isChanged ? copies : items;
}

function markedRecord(record: Record<string, unknown>, path: Path): unknown {
  let isChanged = false;
  const pairs = Object.entries(record).map(([name, item]): [string, unknown] => {
    const copy = markedAt(name, item, path);
    isChanged ||= copy !== item;
    return [name, copy];
  });
  const copy = isChanged ? Object.fromEntries(pairs) : record;
  return Object.hasOwn(record, '$') ? mark('object', copy) : copy;
}

function markedAt(step: string | number, item: unknown, path: Path): unknown {
  path.push(step);
  const copy = marked(item, path);
  path.pop();
  return copy;
}

function mark(type: string, value: unknown): unknown {
  return { $: type, value };
}

function revived(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(revived);
  const record = json as Record<string, unknown>;
  return Object.hasOwn(record, '$') ? unmarked(record['$'], record['value']) : revivedRecord(record);
}

/** `fromEntries` defines properties, so a key `__proto__` is a key like any other. */
function revivedRecord(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, item]) => [name, revived(item)]));
}

function unmarked(type: unknown, value: unknown): unknown {
  const text = typeof value === 'string' ? value : '';
  switch (type) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(text);
    case 'bigint':
      return BigInt(text);
    case 'Date':
      return new Date(text);
    case 'Buffer':
      return Buffer.from(text, 'base64');
    case 'Uint8Array':
      return new Uint8Array(Buffer.from(text, 'base64'));
    case 'Map':
      return new Map(revived(value) as [unknown, unknown][]);
    case 'Set':
      return new Set(revived(value) as unknown[]);
    case 'object':
      return revivedRecord(value as Record<string, unknown>);
    default:
      throw new CacheError('CORRUPT_ENTRY', `a stored value has the unknown type ${JSON.stringify(type)}`);
  }
}

function unencodable(path: Path, got: string): CacheError {
  const place = path.length === 0 ? 'the value' : `the value at ${path.join('.')}`;
  return new CacheError('UNENCODABLE', `${place} must be plain data to be stored, got ${got}`);
}
