/** Decodes stored values, which `codec.ts` writes. */
import { CacheError } from '../base/errors.ts';
import type { ClassCodecs } from './class-codecs.ts';

/** Changes parsed JSON, in place, into the value that it describes. */
export class Reviver {
  /** The objects so far; a reference is an index into this list. Undefined for an instance whose data is being decoded. */
  readonly #seen: (object | undefined)[] = [];
  readonly #codecs: ClassCodecs;

  constructor(codecs: ClassCodecs) {
    this.#codecs = codecs;
  }

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
    const text = typeof value === 'string' ? value : '';
    switch (type) {
      case 'undefined':
        return undefined;
      case 'number':
        return Number(text);
      case 'bigint':
        return BigInt(text);
      case 'Date':
        return this.#saw(new Date(text));
      case 'Buffer':
        return this.#saw(Buffer.from(text, 'base64'));
      case 'Uint8Array':
        return this.#saw(new Uint8Array(Buffer.from(text, 'base64')));
      case 'Map':
        return this.#map(value as [unknown, unknown][]);
      case 'Set':
        return this.#set(value as unknown[]);
      case 'object':
        return this.#record(value as Record<string, unknown>);
      case 'null-prototype':
        return Object.setPrototypeOf(this.#record(value as Record<string, unknown>), null);
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

  #map(entries: readonly [unknown, unknown][]): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    this.#seen.push(map);
    for (const [name, item] of entries) map.set(this.revived(name), this.revived(item));
    return map;
  }

  #set(items: readonly unknown[]): Set<unknown> {
    const set = new Set<unknown>();
    this.#seen.push(set);
    for (const item of items) set.add(this.revived(item));
    return set;
  }

  #instance(encoded: unknown): object {
    const [name, data]: readonly unknown[] = Array.isArray(encoded) && encoded.length === 2 ? encoded : [];
    if (typeof name !== 'string')
      throw new CacheError('CORRUPT_ENTRY', 'a stored instance lacks its codec or its data');
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
