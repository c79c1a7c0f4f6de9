/**
 * Values as JSON that a person can read, and back, with nothing changed on the way: what JSON has no form for is written
 * as `{"$": type, "value": …}`. An object that stands at several places is written at the first of them; at the others
 * there is a reference to it, `{"$":"ref","value":n}` for the n-th object in the order of the text, from 0. So what was one
 * object is one again, also in a cycle.
 *
 * A value that would come back as something else (an instance of a class, a function, a promise) is refused, so that a hit
 * never differs from a miss. Two things are not kept: whether an object is frozen, and where in Node's memory the bytes of
 * a Buffer are.
 */
import { types } from 'node:util';
import { identityOf } from './identities.ts';
import {
  depthMax,
  isBytes,
  isDate,
  isMap,
  isPlainArray,
  isPlainObject,
  isSet,
  untoldPartOf,
  untoldPartOfBytes,
} from './plain-data.ts';
import { Reviver } from './reviver.ts';
import { UnencodableError, type Step } from './unencodable.ts';

/** Part of the key's shape: raise it when the stored form changes. */
export const codecVersion = 4;

/** @throws {UnencodableError} for what has no stored form. */
export function encodeValue(value: unknown): string {
  return JSON.stringify(new Marker('to-revive').marked(value));
}

/**
 * The readable form of a value, for people alone: without prototypes, and with the names of objects known by identity.
 *
 * @returns What `JSON.stringify` makes the text of.
 * @throws {UnencodableError} as `encodeValue`.
 */
export function jsonToRead(value: unknown): unknown {
  return new Marker('to-read').marked(value);
}

/**
 * The value whose stored form `json` is, which is changed into it.
 *
 * @throws {CacheError} `CORRUPT_ENTRY` for a type that no encoder writes.
 */
export function decodeValue(json: unknown): unknown {
  return new Reviver().revived(json);
}

/** A copy as a hit would give it; undefined where `value` has no stored form, and so no copy. */
export function copyOf(value: unknown): { readonly copy: unknown } | undefined {
  try {
    return { copy: decodeValue(JSON.parse(encodeValue(value))) };
  } catch {
    return undefined;
  }
}

class Marker {
  readonly #purpose: 'to-revive' | 'to-read';
  /** Where the walk is; it stays as it was when a value is refused. */
  readonly #path: Step[] = [];
  /** The objects so far, with their numbers. */
  readonly #seen = new Map<object, number>();

  constructor(purpose: 'to-revive' | 'to-read') {
    this.#purpose = purpose;
  }

  /** `value` itself where JSON tells all of it, else a copy with the rest written as `{"$": …}`. */
  marked(value: unknown): unknown {
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
        return value === null ? null : this.#object(value);
      default:
        throw this.#refused(typeof value);
    }
  }

  #object(value: object): unknown {
    // Each look at a proxy runs its code, and may give something else.
    if (types.isProxy(value)) throw this.#refused('Proxy');
    const number = this.#seen.get(value);
    if (number !== undefined) return mark('ref', number);
    if (this.#path.length > depthMax) throw this.#refused(`value nested deeper than ${depthMax} levels`);
    this.#seen.set(value, this.#seen.size);
    const identity = identityOf(value);
    if (identity !== undefined) {
      if (this.#purpose === 'to-read') return identity;
      throw this.#refused(`${identity}, which is known by identity`);
    }
    if (isPlainArray(value)) {
      this.#checkTold(untoldPartOf(value));
      return this.#items(value);
    }
    if (isPlainObject(value) && !Array.isArray(value)) {
      this.#checkTold(untoldPartOf(value));
      return this.#record(value as Record<string, unknown>);
    }
    return this.#instance(value);
  }

  #instance(value: object): unknown {
    if (isBytes(value)) {
      this.#checkTold(untoldPartOfBytes(value));
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return mark(Buffer.isBuffer(value) ? 'Buffer' : 'Uint8Array', bytes.toString('base64'));
    }
    // It has no properties of its own.
    if (Reflect.ownKeys(value).length === 0) {
      if (isDate(value)) return mark('Date', Number.isNaN(value.getTime()) ? null : value.toISOString());
      if (isMap(value)) return mark('Map', this.#entries(value));
      if (isSet(value)) return mark('Set', this.#items([...value]));
    }
    throw this.#refused(kindOf(value));
  }

  #items(items: readonly unknown[]): readonly unknown[] {
    let isChanged = false;
    const copies = Array.from(items, (item, index) => {
      const copy = this.#at(index, item);
      isChanged ||= copy !== item;
      return copy;
    });
    return isChanged ? copies : items;
  }

  #entries(map: ReadonlyMap<unknown, unknown>): readonly unknown[] {
    return Array.from(map, (entry, index) => {
      this.#path.push(index);
      const copies = entry.map((part, side) => this.#at(side, part));
      this.#path.pop();
      return copies;
    });
  }

  #record(record: Record<string, unknown>): unknown {
    let isChanged = false;
    const pairs = Object.entries(record).map(([name, item]): [string, unknown] => {
      const copy = this.#at(name, item);
      isChanged ||= copy !== item;
      return [name, copy];
    });
    const copy = isChanged ? Object.fromEntries(pairs) : record;
    if (this.#purpose === 'to-revive' && Object.getPrototypeOf(record) === null) return mark('null-prototype', copy);
    return Object.hasOwn(record, '$') ? mark('object', copy) : copy;
  }

  #at(step: Step, item: unknown): unknown {
    this.#path.push(step);
    const copy = this.marked(item);
    this.#path.pop();
    return copy;
  }

  #checkTold(untold: string | undefined): void {
    if (untold !== undefined) throw this.#refused(untold);
  }

  #refused(got: string): UnencodableError {
    return new UnencodableError(got, [...this.#path]);
  }
}

function mark(type: string, value: unknown): unknown {
  return { $: type, value };
}

/** What a person would call it. None of its code is run. */
function kindOf(value: object): string {
  if (Array.isArray(value) && Object.getPrototypeOf(value) === null) return 'list without a prototype';
  for (let one: unknown = value; typeof one === 'object' && one !== null;) {
    one = Object.getPrototypeOf(one);
    const maker: unknown = Object.getOwnPropertyDescriptor(one ?? {}, 'constructor')?.value;
    const name: unknown = typeof maker === 'function' ? Object.getOwnPropertyDescriptor(maker, 'name')?.value : '';
    if (name === 'Object' || name === 'Array') break;
    if (typeof name === 'string' && /^[A-Za-z_$][\w$]*$/.test(name)) return `instance of ${name.slice(0, 60)}`;
  }
  return Array.isArray(value) ? 'list with another prototype' : 'object with another prototype';
}
