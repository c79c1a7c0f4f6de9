import { anything, sample } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyOf } from '../../../src/cache/entry/codec.ts';
import { ClassCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { differencesOf } from '../../../src/cache/entry/differences.ts';
import { maskedPath } from '../../../src/cache/entry/masked-path.ts';
import '../../support/random-seed.ts';
import { times } from '../world.ts';

/** Its state is not visible as properties. */
class Money {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  get cents(): number {
    return this.#cents;
  }
}

const codecs = new ClassCodecs(
  [
    {
      name: 'Money',
      test: (value: object) => value instanceof Money,
      encode: (value: object) => {
        if (value instanceof Money && value.cents < 0) throw new Error('a debt');
        return value instanceof Money ? value.cents : 0;
      },
      decode: (cents: unknown) => new Money(Number(cents)),
    },
  ],
  () => {},
);

function pathsOf(one: unknown, other: unknown): string[] | undefined {
  return differencesOf(one, other, codecs)?.map((path) => path.join('.'));
}

const shared = { id: 1 };
const cyclic = (id: number): object => {
  const value: Record<string, unknown> = { id };
  return Object.assign(value, { self: value });
};

describe('there is no difference between', () => {
  it.each<[string, unknown, unknown]>([
    ['equal texts', 'a', 'a'],
    ['NaN and NaN', Number.NaN, Number.NaN],
    ['0 and -0', 0, -0],
    ['objects with another order of properties', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a property that is undefined and none', { a: 1, b: undefined }, { a: 1 }],
    ['an object without a prototype and one with it', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ['one object in two places and equal copies', [shared, shared], [{ id: 1 }, { id: 1 }]],
    ['equal cycles', cyclic(1), cyclic(1)],
    ['equal dates', new Date(5), new Date(5)],
    ['invalid dates', new Date(Number.NaN), new Date(Number.NaN)],
    ['bytes and a Buffer of them', new Uint8Array([1, 2]), Buffer.from([1, 2])],
    ['equal maps', new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])],
    ['equal instances that a codec encodes', { price: new Money(1) }, { price: new Money(1) }],
    ['equal sets', new Set(['a', 'b']), new Set(['a', 'b'])],
  ])('%s', (_, one, other) => {
    expect(pathsOf(one, other)).toEqual([]);
    expect(pathsOf(other, one)).toEqual([]);
  });

  it('a value and its copy', () => {
    const values = anything({
      withDate: true,
      withMap: true,
      withSet: true,
      withBigInt: true,
      withNullPrototype: true,
    });
    const differs = (value: unknown): boolean => {
      const copied = copyOf(value, codecs);
      return copied !== undefined && differencesOf(value, copied.copy, codecs)?.length !== 0;
    };
    expect(sample(values, 1_000).filter(differs)).toEqual([]);
  });
});

describe('what a codec fails to encode is not comparable', () => {
  it.each<[string, unknown, unknown]>([
    ['one of two instances', { price: new Money(1) }, { price: new Money(-1) }],
    ['both', { price: new Money(-1) }, { price: new Money(-1) }],
    ['an instance in the place of a record', { price: new Money(-1) }, { price: {} }],
    ['a part beside one that differs', { price: new Money(-1), n: 1 }, { price: new Money(1), n: 2 }],
  ])('%s', (_, one, other) => {
    expect(pathsOf(one, other)).toBeUndefined();
    expect(pathsOf(other, one)).toBeUndefined();
  });
});

describe('the paths to the differences between', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['two texts', 'a', 'b', ['']],
    ['a number and its text', { n: 1 }, { n: '1' }, ['n']],
    ['a number and a bigint', { n: 1 }, { n: 1n }, ['n']],
    ['null and undefined', { n: null }, { n: undefined }, ['n']],
    ['nested properties', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 2, c: 3 }] }, ['a.0.b', 'a.0.c']],
    ['lists with another order', ['a', 'b'], ['b', 'a'], ['0', '1']],
    ['lists of other lengths', ['a'], ['a', 'b'], ['length']],
    ['a list and an object with its indexes', ['a'], { 0: 'a' }, ['']],
    ['an object and one without a property', { a: 1 }, {}, ['a']],
    ['a property that others inherit, and none', { constructor: undefined }, { constructor: 1 }, ['constructor']],
    ['dates', { at: new Date(1) }, { at: new Date(2) }, ['at']],
    ['a date and its text', { at: new Date(1) }, { at: new Date(1).toISOString() }, ['at']],
    ['a date and an empty object', { at: new Date(1) }, { at: {} }, ['at']],
    ['bytes', { b: Buffer.from([1]) }, { b: Buffer.from([2]) }, ['b']],
    ['values of a map', new Map([['a', 1]]), new Map([['a', 2]]), ['0.1']],
    ['members of a set', new Set([1]), new Set([2]), ['0']],
    ['instances that a codec encodes', { price: new Money(1) }, { price: new Money(2) }, ['price']],
    ['an instance and its data', { price: new Money(1) }, { price: 1 }, ['price']],
    ['an instance and an empty object', { price: new Money(1) }, { price: {} }, ['price']],
    ['a map and a list of its entries', new Map([['a', 1]]), [['a', 1]], ['']],
    ['a set and a map', new Set(), new Map(), ['']],
    ['cycles', cyclic(1), cyclic(2), ['id']],
  ])('%s', (_, one, other, paths) => {
    expect(pathsOf(one, other)).toEqual(paths);
    expect(pathsOf(other, one)).toEqual(paths);
  });

  it('long lists are ten at most', () => {
    const other = times(100, (n) => n + 1);
    expect(pathsOf(times(100, Number), other)).toEqual(times(10, String));
  });

  it('objects that share parts in many places are found in time', () => {
    const deep = (leaf: number): unknown => times(40, Number).reduce<unknown>((inner) => [inner, inner], { leaf });
    expect(pathsOf(deep(1), deep(1))).toEqual([]);
    expect(pathsOf(deep(1), deep(2))).toHaveLength(1);
  });
});

describe('a masked path', () => {
  it.each<[string, readonly (string | number)[], string]>([
    ['names what is an identifier', ['items', 0, 'price_2'], 'items.0.price_2'],
    ['hides what is not', ['byMail', 'a@b.example', 'x y', '42'], 'byMail.*.*.*'],
    ['hides what a client sent', ['secret', 'name'], '*.name'],
    ['hides a long name', ['x'.repeat(41)], '*'],
    ['is not endless', times(13, Number), '0.1.2.3.4.5.6.7.8.9.10.11.…'],
    ['is empty for the value itself', [], ''],
  ])('%s', (_, path, text) => {
    expect(maskedPath(path, new Set(['secret']))).toBe(text);
  });
});
