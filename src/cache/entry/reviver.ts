/** Decodes stored values, which `codec.ts` writes. What it never writes is refused: it must not become another value. */
import { CacheError } from '../base/errors.ts';
import type { ClassCodecs } from './class-codecs.ts';

/** The numbers that JSON cannot express. */
const numbers: ReadonlyMap<unknown, number> = new Map([-0, Infinity, -Infinity, Number.NaN].map((n) => [textOf(n), n]));

function textOf(number: number): string {
  return Object.is(number, -0) ? '-0' : String(number);
}

/** Changes parsed JSON, in place, into the value that it describes. */
export class Reviver {
  /** The objects so far; a reference is an index into this list. Undefined for an instance whose data is being decoded. */
  readonly #seen: (object | undefined)[] = [];
  readonly #codecs: ClassCodecs;

  constructor(codecs: ClassCodecs) {
    this.#codecs = codecs;
  }

  /** @throws {CacheError} `CORRUPT_ENTRY` */
  revived(json: unknown): unknown {
    if (typeof json !== 'object' || json === null) return json;
    if (Array.isArray(json)) return this.#items(json);
    const record = json as Record<string, unknown>;
    return Object.hasOwn(record, '$') ? this.#unmarked(record['$'], record['value']) : this.#record(record);
  }

  #items(items: unknown[]): unknown[] {
    this.#seen.push(items);
    for (let index = 0; index < items.length; index += 1) {
      const item = items[index];
      if (typeof item === 'object' && item !== null) items[index] = this.revived(item);
    }
    return items;
  }

  /** `JSON.parse` makes `__proto__` an own property, so it can be set like any other. */
  #record(record: Record<string, unknown>): Record<string, unknown> {
    this.#seen.push(record);
    for (const name of Object.keys(record)) {
      const item = record[name];
      if (typeof item === 'object' && item !== null) record[name] = this.revived(item);
    }
    return record;
  }

  #unmarked(type: unknown, value: unknown): unknown {
    switch (type) {
      case 'undefined':
        return value === null ? undefined : refuse(type);
      case 'number':
        return numbers.get(value) ?? refuse(type);
      case 'bigint':
        return bigintOf(value);
      case 'Date':
        return this.#saw(dateOf(value));
      case 'Buffer':
        return this.#saw(bytesOf(type, value));
      case 'Uint8Array':
        return this.#saw(new Uint8Array(bytesOf(type, value)));
      case 'Map':
        return this.#map(listOf(type, value));
      case 'Set':
        return this.#set(listOf(type, value));
      case 'object':
        return this.#record(recordOf(type, value));
      case 'null-prototype':
        return Object.setPrototypeOf(this.#record(recordOf(type, value)), null);
      case 'codec':
        return this.#instance(value);
      case 'ref':
        return this.#object(value);
      default:
        throw new CacheError('CORRUPT_ENTRY', `a stored value has the unknown type ${JSON.stringify(type)}`);
    }
  }

  #saw(value: object): object {
    this.#seen.push(value);
    return value;
  }

  #map(entries: readonly unknown[]): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    this.#seen.push(map);
    for (const entry of entries) {
      if (!Array.isArray(entry) || entry.length !== 2) refuse('Map');
      const [name, item] = entry as [unknown, unknown];
      map.set(this.revived(name), this.revived(item));
    }
    return map;
  }

  #set(items: readonly unknown[]): Set<unknown> {
    const set = new Set<unknown>();
    this.#seen.push(set);
    for (const item of items) set.add(this.revived(item));
    return set;
  }

  #instance(encoded: unknown): object {
    const [name, data] = listOf('codec', encoded);
    if (typeof name !== 'string') return refuse('codec');
    const number = this.#seen.push(undefined) - 1;
    const instance = this.#codecs.decoded(name, this.revived(data));
    this.#seen[number] = instance;
    return instance;
  }

  #object(number: unknown): object {
    const found = typeof number === 'number' ? this.#seen[number] : undefined;
    if (found === undefined) throw new CacheError('CORRUPT_ENTRY', 'a stored value refers to an object that it lacks');
    return found;
  }
}

function bigintOf(value: unknown): bigint {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : refuse('bigint');
}

/** Null is the time of an invalid date. */
function dateOf(value: unknown): Date {
  if (value === null) return new Date(Number.NaN);
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) || date.toISOString() !== value ? refuse('Date') : date;
}

/** Node skips characters that are not Base64, so that the bytes are fewer than the text stands for. */
function bytesOf(type: string, value: unknown): Buffer {
  if (typeof value !== 'string') return refuse(type);
  const bytes = Buffer.from(value, 'base64');
  const padding = value.endsWith('==') ? 2 : Number(value.endsWith('='));
  return bytes.length === (value.length / 4) * 3 - padding ? bytes : refuse(type);
}

function listOf(type: string, value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(type);
}

function recordOf(type: 'object' | 'null-prototype', value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(type);
  // Only a record with such a property needs the mark.
  return type === 'object' && !Object.hasOwn(value, '$') ? refuse(type) : (value as Record<string, unknown>);
}

function refuse(type: string): never {
  throw new CacheError('CORRUPT_ENTRY', `a stored value has the type ${type}, and data that this type never has`);
}
