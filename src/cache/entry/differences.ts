/**
 * Finds where two decoded values differ. The order of an object's properties does not matter, nor does a property that is undefined, nor
 * whether an object occurs several times or has equal copies. The order of lists, maps and sets does. Instances that a codec encodes are
 * compared by their data.
 */
import type { ClassCodecs } from './class-codecs.ts';
import type { Step } from './masked-path.ts';
import { isBytes, isDate, isMap, isSet, isStoredAsIs } from './plain-data.ts';

const pathsMax = 10;

/**
 * The paths to the parts that differ, ten at most; the empty path for the value itself. None if the values are equal; undefined if a
 * codec fails to encode a part, so that they cannot be compared.
 */
export function differencesOf(
  one: unknown,
  other: unknown,
  codecs: ClassCodecs,
): readonly (readonly Step[])[] | undefined {
  const comparison = new Comparison(codecs);
  comparison.compare(one, other);
  return comparison.isComparable ? comparison.paths : undefined;
}

class Comparison {
  readonly paths: (readonly Step[])[] = [];
  isComparable = true;
  /** The position of the walk. */
  readonly #path: Step[] = [];
  /** What each object was compared with: an object may occur often, or contain itself. */
  readonly #compared = new Map<object, Set<object>>();
  readonly #codecs: ClassCodecs;

  constructor(codecs: ClassCodecs) {
    this.#codecs = codecs;
  }

  compare(one: unknown, other: unknown): void {
    if (this.paths.length >= pathsMax || isSame(one, other)) return;
    if (!isObject(one) || !isObject(other)) return this.#differ();
    if (this.#isCompared(one, other)) return;
    const [encoding, otherEncoding] = [this.#encodingOf(one), this.#encodingOf(other)];
    if (encoding?.name !== otherEncoding?.name) return this.#differ();
    if (encoding !== undefined) return this.compare(encoding.data, otherEncoding?.data);
    if (isDate(one) && isDate(other)) return isSame(one.getTime(), other.getTime()) ? undefined : this.#differ();
    if (isBytes(one) && isBytes(other)) return Buffer.compare(one, other) === 0 ? undefined : this.#differ();
    if (kindOf(one) !== kindOf(other)) return this.#differ();
    if (isIterable(one) && isIterable(other)) return this.#compareItems([...one], [...other]);
    this.#compareRecords(one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>);
  }

  #compareItems(items: readonly unknown[], others: readonly unknown[]): void {
    if (items.length !== others.length) this.#at('length', () => this.#differ());
    for (let index = 0; index < Math.min(items.length, others.length); index += 1)
      this.#at(index, () => this.compare(items[index], others[index]));
  }

  #compareRecords(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): void {
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)]))
      this.#at(name, () => this.compare(ownValue(one, name), ownValue(other, name)));
  }

  #at(step: Step, work: () => void): void {
    this.#path.push(step);
    work();
    this.#path.pop();
  }

  #differ(): void {
    if (this.paths.length < pathsMax) this.paths.push([...this.#path]);
  }

  #encodingOf(value: object): { readonly name: string; readonly data: unknown } | undefined {
    const encoding = isStoredAsIs(value) ? undefined : this.#codecs.encodingOf(value);
    if (encoding === undefined || 'name' in encoding) return encoding;
    this.isComparable = false;
    return undefined;
  }

  #isCompared(one: object, other: object): boolean {
    const others = this.#compared.get(one) ?? new Set();
    if (others.has(other)) return true;
    this.#compared.set(one, others.add(other));
    return false;
  }
}

/** NaN equals itself here, and 0 equals -0, as in JSON. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || Object.is(one, other);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function kindOf(value: object): 'list' | 'map' | 'set' | 'date' | 'bytes' | 'record' {
  if (Array.isArray(value)) return 'list';
  if (isMap(value)) return 'map';
  if (isSet(value)) return 'set';
  if (isDate(value)) return 'date';
  return isBytes(value) ? 'bytes' : 'record';
}

/** Whether it is a list, a map or a set. */
function isIterable(value: object): value is Iterable<unknown> {
  return Array.isArray(value) || isMap(value) || isSet(value);
}

/** Undefined if the record itself does not have the property: one such as `constructor` may be inherited. */
function ownValue(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
