/**
 * Codecs for instances of classes: `Decimal`, `DateTime`, the rows of an ORM. An instance is stored as the name of its codec and the data that
 * `encode` returns.
 *
 * A codec is code of the caller. If it fails while a value is encoded, the value is not stored; if it fails while an entry is decoded, the
 * entry counts as corrupt, and its value is loaded again. So does an entry with a codec that this process does not have, because another
 * version of the program has written it.
 */
import { kindOf, received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';
import { ignorePromisesIn } from './ignored-promises.ts';

/**
 * How instances of one class are stored.
 *
 * @template Value The class.
 * @template Data What `encode` returns.
 */
export interface Codec<Value extends object = object, Data = unknown> {
  /**
   * Unique among the codecs of a cache: a letter, then up to 39 letters, digits or `. _ / -`. It is stored with each instance. Choose
   * another name when `encode` returns data that an older `decode` would misunderstand: `money/2`.
   */
  readonly name: string;
  /**
   * Whether `value` is an instance that this codec encodes. Called for objects that are not plain data, never for a proxy. Of several codecs,
   * the first one whose `test` returns true is used.
   */
  test(value: object): boolean;
  /**
   * Returns the data to store: plain data, Date, bytes, Map, Set, or instances that codecs encode. Neither undefined nor a promise, and nothing
   * that contains the instance itself. If instances are arguments, their data is part of the key: it must differ for instances that a resolver
   * distinguishes, and must not contain a Map or a Set.
   */
  encode(value: Value): Data;
  /** Returns an instance equal to the one that was encoded. `test` must be true for it. */
  decode(data: Data): Value;
}

/** The data of an instance, or why there is none. */
type Encoding =
  { readonly name: string; readonly data: unknown } | { readonly fault: string; readonly error?: unknown };

/** Receives each failure to decode: the name of the codec, and a `CacheError` whose cause is what the codec threw. */
export type DecodeFailed = (codec: string, error: CacheError) => void;

export const codecNamePattern = /^[A-Za-z][\w./-]{0,39}$/;

export class ClassCodecs {
  readonly #codecs: readonly (readonly [name: string, codec: Codec])[];
  readonly #byName: ReadonlyMap<string, Codec>;
  readonly #failed: DecodeFailed;

  constructor(codecs: readonly Codec[], failed: DecodeFailed) {
    this.#codecs = codecs.map((codec) => [codec.name, codec] as const);
    this.#byName = new Map(this.#codecs);
    this.#failed = failed;
  }

  /** Whether the cache has no codecs. */
  get isEmpty(): boolean {
    return this.#codecs.length === 0;
  }

  /** Undefined if `value` is not an instance that a codec encodes. */
  encodingOf(value: object): Encoding | undefined {
    for (const [name, codec] of this.#codecs) {
      const fault = (text: string, cause?: { error: unknown }): Encoding => {
        return { fault: `codec ${name}: ${text}`, ...cause };
      };
      try {
        const isOwn: unknown = codec.test(value);
        if (isOwn === false) continue;
        if (isOwn !== true) return fault(`test must return true or false, got ${kindOfReturned(isOwn)}`);
      } catch (error) {
        return fault('test threw', { error });
      }
      try {
        const data: unknown = codec.encode(value);
        const isData = data !== undefined && !(data instanceof Promise);
        return isData ? { name, data } : fault(`encode must return data, got ${kindOfReturned(data)}`);
      } catch (error) {
        return fault('encode threw', { error });
      }
    }
    return undefined;
  }

  /** @throws {CacheError} `CORRUPT_ENTRY` */
  decoded(name: string, data: unknown): object {
    const codec = this.#byName.get(name);
    if (codec === undefined) throw this.#fault(name, 'this cache does not have it');
    let value: unknown;
    let isOwn: unknown;
    try {
      value = codec.decode(data);
      isOwn = typeof value === 'object' && value !== null && codec.test(value);
    } catch (error) {
      ignorePromisesIn(value);
      throw this.#fault(name, 'decode threw', { cause: error });
    }
    if (typeof value === 'object' && value !== null && isOwn === true) return value;
    throw this.#fault(name, `decode must return a value for which test is true, got ${kindOfReturned(value)}`);
  }

  #fault(name: string, text: string, options?: ErrorOptions): CacheError {
    // The name may come from another program.
    const known = codecNamePattern.test(name) ? name : 'with an invalid name';
    const error = new CacheError('CORRUPT_ENTRY', `codec ${known}: ${text}`, options);
    this.#failed(known, error);
    return error;
  }
}

/** The codecs of a cache that has none. */
export const noCodecs = new ClassCodecs([], () => {});

/** What a codec returned, without repeating it. */
function kindOfReturned(value: unknown): string {
  if (value instanceof Promise) value.catch(() => {}); // nothing else awaits it
  return typeof value === 'object' || value === undefined ? received(value) : kindOf(value);
}
