/**
 * Encodes values as readable JSON, and decodes them without a difference. What JSON cannot express is written as
 * `{"$": type, "value": …}`, and an instance that a codec encodes as `{"$":"codec","value":[name, data]}`. An object that occurs in
 * several places is written at the first one; `{"$":"ref","value":n}` at the others refers to the n-th object of the text, from 0.
 *
 * A value that would be decoded as something else (an instance of a class without a codec, a function, a promise) is refused, so that a
 * hit never differs from a miss. Two properties are lost: whether an object is frozen, and where the bytes of a Buffer are in
 * Node's memory.
 */
import { types } from 'node:util';
import {
  depthMax,
  identityOf,
  isBytes,
  isDate,
  isIterator,
  isMap,
  isPlainArray,
  isPlainObject,
  isSet,
  lossOf,
  lossOfBytes,
} from './plain-data.ts';
import type { ClassCodecs } from './class-codecs.ts';
import { ignorePromisesIn } from './ignored-promises.ts';
import { Reviver } from './reviver.ts';
import type { Step } from './masked-path.ts';
import { UnencodableError } from './unencodable.ts';

/**
 * Part of the schema digest in the plugin's keys: increment it when the stored form changes. A program that calls `cache.key` itself
 * passes it as part of `schemaDigest`.
 */
export const codecVersion = 4;

/** @throws {UnencodableError} for a value without a stored form. */
export function encodeValue(value: unknown, codecs: ClassCodecs): string {
  return JSON.stringify(new Marker('to-revive', codecs).marked(value));
}

/**
 * The stored form of each property of a plain object, by name and in their order.
 *
 * @returns Undefined if it is stored as one text: because an object occurs in several places, so that the properties could not be decoded
 *   alone, or because a codec encodes the whole object.
 * @throws {UnencodableError} as `encodeValue`.
 */
export function encodeProperties(
  record: Readonly<Record<string, unknown>>,
  codecs: ClassCodecs,
): ReadonlyMap<string, string> | undefined {
  return new Marker('to-revive', codecs).properties(record);
}

/**
 * The form of a value for human readers: without prototypes, with the data of codecs alone, and with the names of objects known by
 * identity.
 *
 * @returns A value to pass to `JSON.stringify`.
 * @throws {UnencodableError} as `encodeValue`.
 */
export function jsonToRead(value: unknown, codecs: ClassCodecs): unknown {
  return new Marker('to-read', codecs).marked(value);
}

/**
 * Decodes a stored value. Changes `json` in place.
 *
 * @throws {CacheError} `CORRUPT_ENTRY` for a type that `encodeValue` never writes, and if a codec fails or is unknown.
 */
export function decodeValue(json: unknown, codecs: ClassCodecs): unknown {
  return new Reviver(codecs).revived(json);
}

/** A copy of `value`, equal to what a hit returns; undefined if `value` has no stored form. */
export function copyOf(value: unknown, codecs: ClassCodecs): { readonly copy: unknown } | undefined {
  try {
    return { copy: decodeValue(JSON.parse(encodeValue(value, codecs)), codecs) };
  } catch {
    return undefined;
  }
}

class Marker {
  readonly #purpose: 'to-revive' | 'to-read';
  /** The position of the walk. It is left as it is when a value is refused, for the error message. */
  readonly #path: Step[] = [];
  /** The objects so far, numbered. */
  readonly #seen = new Map<object, number>();
  readonly #codecs: ClassCodecs;
  /** The instances whose data is being written, with the names of their codecs: outermost first. */
  readonly #encoding = new Map<object, string>();
  #hasReferences = false;

  constructor(purpose: 'to-revive' | 'to-read', codecs: ClassCodecs) {
    this.#purpose = purpose;
    this.#codecs = codecs;
  }

  /** Returns `value` itself if JSON expresses all of it, otherwise a copy with the rest written as `{"$": …}`. */
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

  properties(record: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> | undefined {
    if (lossOf(record) !== undefined) return undefined;
    this.#seen.set(record, 0);
    const texts = Object.entries(record).map(([name, item]) => [name, JSON.stringify(this.#at(name, item))] as const);
    return this.#hasReferences ? undefined : new Map(texts);
  }

  #object(value: object): unknown {
    // Every access to a proxy runs its code, and may return something else.
    if (types.isProxy(value)) throw this.#refused('Proxy');
    const number = this.#seen.get(value);
    if (number !== undefined) {
      // Its data has to be complete before it can be decoded.
      if (this.#encoding.has(value)) throw this.#refused('instance in its own data');
      this.#hasReferences = true;
      return mark('ref', number);
    }
    if (this.#path.length + this.#encoding.size > depthMax)
      throw this.#refused(`value nested deeper than ${depthMax} levels`);
    this.#seen.set(value, this.#seen.size);
    const identity = identityOf(value);
    if (identity !== undefined) {
      if (this.#purpose === 'to-read') return identity;
      throw this.#refused(`${identity}, which is known by identity`);
    }
    if (isPlainArray(value)) {
      const loss = lossOf(value);
      return loss === undefined ? this.#items(value) : this.#byCodec(value, loss);
    }
    if (isPlainObject(value) && !Array.isArray(value)) {
      const loss = lossOf(value);
      return loss === undefined ? this.#record(value as Record<string, unknown>) : this.#byCodec(value, loss);
    }
    return this.#instance(value);
  }

  #instance(value: object): unknown {
    if (isBytes(value)) {
      const loss = lossOfBytes(value);
      if (loss !== undefined) return this.#byCodec(value, loss);
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return mark(Buffer.isBuffer(value) ? 'Buffer' : 'Uint8Array', bytes.toString('base64'));
    }
    // It has no properties of its own.
    if (Reflect.ownKeys(value).length === 0) {
      if (isDate(value)) return mark('Date', Number.isNaN(value.getTime()) ? null : value.toISOString());
      if (isMap(value)) return mark('Map', this.#entries(value));
      if (isSet(value)) return mark('Set', this.#items([...value]));
    }
    return this.#byCodec(value, isIterator(value) ? 'iterator' : undefined);
  }

  /** @param loss What the text of a value that is no instance would lose. */
  #byCodec(value: object, loss?: string): unknown {
    const encoding = this.#codecs.encodingOf(value);
    if (encoding === undefined) throw this.#refused(loss ?? kindOf(value), { needsCodec: loss === undefined });
    if ('fault' in encoding) throw this.#refused(encoding.fault, { cause: encoding.error });
    this.#encoding.set(value, encoding.name);
    let data: unknown;
    try {
      data = this.marked(encoding.data);
    } catch (error) {
      ignorePromisesIn(encoding.data);
      throw error;
    }
    this.#encoding.delete(value);
    return this.#purpose === 'to-read' ? data : mark('codec', [encoding.name, data]);
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

  #refused(got: string, options?: ErrorOptions & { needsCodec?: boolean }): UnencodableError {
    const codec = [...this.#encoding.values()].at(-1);
    const origin = codec === undefined ? '' : ` in the data of codec ${codec}`;
    return new UnencodableError(`${got}${origin}`, [...this.#path], options);
  }
}

function mark(type: string, value: unknown): unknown {
  return { $: type, value };
}

/** A description for error messages. Runs none of the value's code. */
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
