import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCodecs } from '../../../src/cache/entry/class-codecs.ts';
import * as codec from '../../../src/cache/entry/codec.ts';
import { CacheError, noteIdentity } from '../../../src/cache/index.ts';
import { UnencodableError } from '../../../src/cache/entry/unencodable.ts';
import { differenceOf, oddValues, returned } from './resolver-values.ts';

const encodeValue = (value: unknown): string => codec.encodeValue(value, noCodecs);
const decodeValue = (json: unknown): unknown => codec.decodeValue(json, noCodecs);
const copyOf = (value: unknown): ReturnType<typeof codec.copyOf> => codec.copyOf(value, noCodecs);
const roundTrip = (value: unknown): unknown => decodeValue(JSON.parse(encodeValue(value)));

describe('a stored value', () => {
  it('is indistinguishable from the value that the resolver returned, unless that value is refused', () => {
    let stored = 0;
    fc.assert(
      fc.property(returned, (value) => {
        const before = textOf(value);
        const copy = copyOf(value);
        stored += Number(copy !== undefined);
        expect(textOf(value)).toBe(before); // the value itself is unchanged
        expect(copy && differenceOf(value, copy.copy)).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
    expect(stored).toBeGreaterThan(500);
  });

  it.each(oddValues.map((make, index) => [index, make] as const))('is unchanged or refused: oddity %i', (_, make) => {
    for (const value of [make(), [make()], { a: make() }, new Map([[make(), make()]]), new Set([make()])]) {
      const copy = copyOf(value);
      expect(copy && differenceOf(value, copy.copy)).toBeUndefined();
    }
  });

  it.each<[string, () => unknown]>([
    ['an object', () => Object.assign(Object.create(null), { a: 1, $: 2 })],
    ['the groups of a match', () => /(?<year>\d+)/.exec('2026')?.groups],
    ['rows', () => [Object.assign(Object.create(null), { id: 1, at: new Date(0) })]],
    ['the keys and values of a Map', () => new Map([[Object.create(null), { a: Object.create(null) }]])],
    ['the items of a Set', () => new Set([Object.create(null)])],
    [
      'its own __proto__',
      () => Object.defineProperty(Object.create(null), '__proto__', { value: {}, enumerable: true }),
    ],
  ])('has no prototype if the original had none: %s', (_, make) => {
    const value = make();
    const copy = roundTrip(value);
    expect(differenceOf(value, copy)).toBeUndefined();
    expect(inspect(copy)).toContain('null prototype');
  });

  it('keeps the identity of objects that occur several times, and of cycles', () => {
    const category = { name: 'Plants', parent: {} };
    category.parent = category;
    const at = new Date(0);
    const copy = roundTrip([{ category, at }, { category, at }, new Map([[category, 1]])]) as [
      { category: typeof category; at: Date },
      { category: typeof category; at: Date },
      Map<unknown, number>,
    ];
    expect(copy[0].category).toBe(copy[1].category);
    expect(copy[0].category.parent).toBe(copy[0].category);
    expect(copy[0].at).toBe(copy[1].at);
    expect(copy[2].get(copy[0].category)).toBe(1);
  });

  it('is encoded once per object, however often the object occurs', () => {
    let value: object = {};
    for (let level = 0; level < 60; level += 1) value = { left: value, right: value };
    expect(encodeValue(value).length).toBeLessThan(10_000);
    expect(differenceOf(value, roundTrip(value))).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['numbers that JSON lacks', [Number.NaN, Infinity, -Infinity, -0]],
    ['a bigint beyond 2^53', 12345678901234567890n],
    ['a date', new Date('2026-01-02T03:04:05.678Z')],
    ['a date before year 1', new Date(-1e14)],
    ['an invalid date', new Date(Number.NaN)],
    ['a buffer', Buffer.from([0, 255, 128])],
    ['bytes', new Uint8Array([0, 255, 128])],
    ['a view into a larger buffer', Buffer.from('abcdef').subarray(2, 4)],
    [
      'a map with keys of many kinds',
      new Map<unknown, unknown>([
        [1, 'a'],
        ['1', new Date(0)],
        [null, undefined],
      ]),
    ],
    ['a set', new Set<unknown>([1, '1', 1n])],
    ['the price of a product', { price: '12.50', priceWithZeros: '0.00' }],
    ['a property that has the name of the type mark', { $: 'Date', value: '2026-01-01' }],
    ['that property, nested twice', { $: { $: 'undefined' } }],
    [
      'rows',
      [
        { id: 1, at: new Date(0), tags: [] },
        { id: 2, at: null, tags: [undefined] },
      ],
    ],
  ])('equals the original: %s', (_, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  it('treats __proto__ as an ordinary property, and changes no prototype', () => {
    const value: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"a":[{"__proto__":{"$":1}}]}');
    const copy = roundTrip(value) as object;
    expect(Object.hasOwn(copy, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('isAdmin' in copy).toBe(false);
    expect('isAdmin' in {}).toBe(false);
    expect(copy).toStrictEqual(value);
  });

  it('is readable JSON', () => {
    const rows = [{ id: 1, name: 'Rose', price: '12.50', at: new Date(0), none: undefined }];
    expect(encodeValue(rows)).toBe(
      '[{"id":1,"name":"Rose","price":"12.50",' +
        '"at":{"$":"Date","value":"1970-01-01T00:00:00.000Z"},"none":{"$":"undefined","value":null}}]',
    );
  });

  it('is a copy, not the value itself', () => {
    const value = { rows: [{ id: 1 }] };
    const copy = copyOf(value)?.copy as typeof value;
    expect(copy).toStrictEqual(value);
    expect(copy).not.toBe(value);
    expect(copy.rows[0]).not.toBe(value.rows[0]);
  });
});

describe('a value that would change when it is stored', () => {
  class Money {
    readonly cents = 1;
  }
  const withHiddenProperty = <T extends object>(value: T): T => Object.defineProperty(value, 'hidden', { value: 1 });
  const failOnAccess = (): number => {
    throw new Error('a getter was run');
  };
  it.each<[string, unknown, string]>([
    ['an instance of a class', new Money(), 'instance of Money'],
    ['an error', new TypeError('x'), 'instance of TypeError'],
    ['a function', () => 1, 'function'],
    ['a symbol', Symbol('a'), 'symbol'],
    ['a promise', Promise.resolve(1), 'instance of Promise'],
    ['a boxed number', Object(1), 'instance of Number'],
    ['a regular expression', /a/, 'instance of RegExp'],
    ['a typed array', new Float64Array(1), 'instance of Float64Array'],
    ['a subclass of Map', new (class Rows extends Map {})(), 'instance of Rows'],
    ['a subclass of Date', new (class Moment extends Date {})(), 'instance of Moment'],
    ['a subclass of Array', new (class Rows extends Array {})(), 'instance of Rows'],
    ['a date with a property of its own', Object.assign(new Date(0), { zone: 'UTC' }), 'instance of Date'],
    ['an object with symbol keys', { [Symbol('a')]: 1 }, 'object with symbol keys'],
    ['an object with a hidden property', withHiddenProperty({ a: 1 }), 'object with hidden properties'],
    [
      'an object with a getter',
      {
        get now() {
          return failOnAccess();
        },
      },
      'object with accessors',
    ],
    [
      'an object with a setter',
      {
        set now(_: number) {
          failOnAccess();
        },
      },
      'object with accessors',
    ],
    ['a list with symbol keys', Object.assign([1], { [Symbol('a')]: 1 }), 'list with symbol keys'],
    ['a list with a property of its own', Object.assign([1], { next: 'page 2' }), 'list with properties of its own'],
    ['a list with a hidden property', withHiddenProperty([1]), 'list with properties of its own'],
    ['the match of a regular expression', /a/.exec('a'), 'list with properties of its own'],
    ['a list with a hole', Object.assign(Array(3), [1, 2]), 'list with holes'],
    ['a list with a hole and a property of its own', Object.assign(Array(1), { next: 'page 2' }), 'list with holes'],
    ['a list with a getter', Object.defineProperty([1], 0, { get: failOnAccess }), 'list with accessors'],
    ['a buffer with keys', Object.assign(Buffer.from('a'), { encoding: 'utf8' }), 'bytes with properties of their own'],
    ['a view of larger memory', new Uint8Array(new ArrayBuffer(8), 2), 'view of shared, resizable or larger memory'],
    ['a proxy', new Proxy({}, {}), 'Proxy'],
    ['a generated list', counting(), 'iterator'],
    ['a list that is generated asynchronously', countingLater(), 'iterator'],
    ['the entries of a Map', new Map().entries(), 'iterator'],
    ['the items of a Set', new Set().values(), 'iterator'],
    ['a list without a prototype', Object.setPrototypeOf([1], null), 'list without a prototype'],
    ['a Map with no prototype', Object.setPrototypeOf(new Map(), null), 'built-in object whose prototype was replaced'],
    ['an object that inherits properties', Object.create({ a: 1 }), 'object with another prototype'],
    ['an object of another realm', runInNewContext('({})'), 'object with another prototype'],
    ['a list of another realm', runInNewContext('[]'), 'list with another prototype'],
    ['a false constructor name', Object.assign(new Money(), { constructor: { name: 'secret' } }), 'instance of Money'],
  ])('is refused with its path, and not copied: %s', (_, value, got) => {
    expect(refusal({ rows: [{}, { price: value }] })).toBe(`${got} at rows.1.price`);
    expect(refusal(value)).toBe(got);
    expect(refusal(new Map([['a', value]]))).toBe(`${got} at 0.1`);
    expect(refusal(new Map([[value, 'a']]))).toBe(`${got} at 0.0`);
    expect(refusal(new Set([1, value]))).toBe(`${got} at 1`);
    expect(copyOf(value)).toBeUndefined();
  });

  it('is refused if it is nested too deep', () => {
    let value = {};
    for (let level = 0; level < 70; level += 1) value = { a: value };
    expect(refusal(value)).toBe('value nested deeper than 64 levels at a.a.a.a.a.a.a.a.a.a.a.a.…');
  });

  it('is refused, with its name, if the program compares it by identity', () => {
    const euro = { code: 'EUR' };
    noteIdentity(euro, 'Currency.EUR');
    expect(refusal([{ currency: euro }])).toBe('Currency.EUR, which is known by identity at 0.currency');
  });

  it('is refused with a path that contains no keys that are data', () => {
    expect(refusal({ 'ann@example.com': { 42: { secret: 1n, price: () => 1 } } })).toBe('function at *.*.price');
    expect(new UnencodableError('function', ['secret', 'price']).what(new Set(['secret']))).toBe('function at *.price');
  });
});

it.each([
  '{"$":"Money","value":1}',
  '{"$":"bigint","value":"x"}',
  '{"$":"Map","value":1}',
  '[{"a":{"$":null}}]',
  '{"$":"ref","value":0}',
  '{"$":"codec","value":["Money",1]}',
  '{"$":"codec","value":["__proto__",1]}',
  '[{"$":"ref","value":"length"}]',
])('refuses text that no encoder writes: %s', (json) => {
  expect(() => decodeValue(JSON.parse(json))).toThrow();
});

function* counting(): Generator<number> {
  yield 1;
}

async function* countingLater(): AsyncGenerator<number> {
  yield 1;
}

/** A text of the value; only its type if `inspect` throws, as for an object that inherits from Buffer but is none. */
function textOf(value: unknown): string {
  try {
    return inspect(value, { depth: null, showHidden: true });
  } catch {
    return typeof value;
  }
}

function refusal(value: unknown): string {
  try {
    encodeValue(value);
  } catch (error) {
    if (error instanceof CacheError && error.code === 'UNENCODABLE') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
