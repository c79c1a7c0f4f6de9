import { inspect, isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyOf, decodeValue, encodeValue } from '../../src/cache/codec.ts';
import { CacheError } from '../../src/cache/index.ts';

const back = (value: unknown): unknown => decodeValue(JSON.parse(encodeValue(value)));

const name = fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', 'constructor', 'toJSON', 'value', '0'));

/** Whatever can be stored. */
const storable = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom<unknown>(null, undefined, true, false, '\ud800', '{"$":"Date"}', '$'),
      fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, Number.NaN, Infinity, -Infinity)),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }), // Node 20 takes no two of those for equal; they have a test below
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.uint8Array(),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).value;

describe('a stored value', () => {
  it('comes back as it was, whatever it is made of', () => {
    fc.assert(
      fc.property(storable, (value) => {
        const text = inspect(value, { depth: null });
        expect(isDeepStrictEqual(back(value), value)).toBe(true);
        expect(inspect(value, { depth: null })).toBe(text); // and it was not touched
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a number that JSON lacks', [Number.NaN, Infinity, -Infinity, -0]],
    ['a bigint beyond 2^53', 12345678901234567890n],
    ['a date', new Date('2026-01-02T03:04:05.678Z')],
    ['a date before Christ', new Date(-1e14)],
    ['no date', new Date(Number.NaN)],
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
    ['a name that is the mark of a type', { $: 'Date', value: '2026-01-01' }],
    ['that name, twice nested', { $: { $: 'undefined' } }],
    [
      'rows',
      [
        { id: 1, at: new Date(0), tags: [] },
        { id: 2, at: null, tags: [undefined] },
      ],
    ],
  ])('comes back as it was: %s', (_, value) => {
    expect(back(value)).toStrictEqual(value);
  });

  it('keeps the name __proto__ for an ordinary one, and pollutes nothing', () => {
    const value: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"a":[{"__proto__":{"$":1}}]}');
    const copy = back(value) as object;
    expect(Object.hasOwn(copy, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('isAdmin' in copy).toBe(false);
    expect('isAdmin' in {}).toBe(false);
    expect(copy).toStrictEqual(value);
  });

  it('is JSON that a person can read', () => {
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

describe('what would come back as something else', () => {
  class Money {
    readonly cents = 1;
  }
  const hidden = <T extends object>(value: T): T => Object.defineProperty(value, 'hidden', { value: 1 });
  const neverRun = (): number => {
    throw new Error('a getter was run');
  };
  it.each<[string, unknown, string]>([
    ['an instance of a class', new Money(), 'an instance of Money'],
    ['an error', new TypeError('x'), 'an instance of TypeError'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('a'), 'a symbol'],
    ['a promise', Promise.resolve(1), 'an instance of Promise'],
    ['a boxed number', Object(1), 'an instance of Number'],
    ['a regular expression', /a/, 'an instance of RegExp'],
    ['a typed array', new Float64Array(1), 'an instance of Float64Array'],
    ['a subclass of Map', new (class Rows extends Map {})(), 'an instance of Rows'],
    ['a subclass of Date', new (class Moment extends Date {})(), 'an instance of Moment'],
    ['a subclass of Array', new (class Rows extends Array {})(), 'an instance of Rows'],
    ['a date with a name', Object.assign(new Date(0), { zone: 'UTC' }), 'an instance of Date'],
    ['an object with symbol keys', { [Symbol('a')]: 1 }, 'an object with symbol keys'],
    ['an object with a hidden property', hidden({ a: 1 }), 'an object with hidden properties'],
    [
      'an object with a getter',
      {
        get now() {
          return neverRun();
        },
      },
      'an object with accessors',
    ],
    [
      'an object with a setter',
      {
        set now(_: number) {
          neverRun();
        },
      },
      'an object with accessors',
    ],
    ['a list with symbol keys', Object.assign([1], { [Symbol('a')]: 1 }), 'a list with symbol keys'],
    ['a list with a name', Object.assign([1], { next: 'page 2' }), 'a list with properties of its own'],
    ['a list with a hidden property', hidden([1]), 'a list with properties of its own'],
    ['what a regular expression finds', /a/.exec('a'), 'a list with properties of its own'],
    ['a list with a hole', Object.assign(Array(3), [1, 2]), 'a list with holes'],
    ['a list with a hole and a name', Object.assign(Array(1), { next: 'page 2' }), 'a list with holes'],
    ['a list with a getter', Object.defineProperty([1], 0, { get: neverRun }), 'a list with accessors'],
  ])('is refused, and has no copy: %s, with its path', (_, value, got) => {
    expect(refusal({ rows: [{}, { price: value }] })).toBe(
      `the value at rows.1.price must be plain data to be stored, got ${got}`,
    );
    expect(refusal(value)).toBe(`the value must be plain data to be stored, got ${got}`);
    expect(refusal(new Map([['a', value]]))).toBe(`the value at 0.1 must be plain data to be stored, got ${got}`);
    expect(copyOf(value)).toBeUndefined();
  });

  it('is refused: a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(refusal(cycle)).toContain('nested deeper than 64 levels (a cycle?)');
  });
});

it.each(['{"$":"Money","value":1}', '{"$":"bigint","value":"x"}', '{"$":"Map","value":1}', '[{"a":{"$":null}}]'])(
  'refuses what no encoder writes: %s',
  (json) => {
    expect(() => decodeValue(JSON.parse(json))).toThrow();
  },
);

function refusal(value: unknown): string {
  try {
    encodeValue(value);
  } catch (error) {
    if (error instanceof CacheError && error.code === 'UNENCODABLE') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
