import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { canonical, createKey } from '../../../src/cache/entry/key.ts';
import { CacheError } from '../../../src/cache/index.ts';
import { dice, plainArgs, plainParts, twinOf, twinPartsOf, type PlainParts } from './near-duplicates.ts';

const field = 'Query.field';
const encoded = (value: unknown): string => canonical(value, { name: field, codecs: noCodecs });

describe('the canonical encoding', () => {
  it('is the same for equal arguments and another one for near-duplicates, in 20,000 pairs', () => {
    let equal = 0;
    let different = 0;
    fc.assert(
      fc.property(plainArgs, dice, (args, rolls) => {
        const variant = twinOf(args, rolls);
        const areEqual = isDeepStrictEqual(args, variant);
        if (areEqual) equal += 1;
        else different += 1;
        expect(encoded(args) === encoded(variant)).toBe(areEqual);
      }),
      { numRuns: 20_000 },
    );
    expect(equal).toBeGreaterThan(1_000);
    expect(different).toBeGreaterThan(10_000);
  });

  it('is the same only for equal values, in 10,000 unrelated pairs', () => {
    fc.assert(
      fc.property(plainArgs, plainArgs, (one, other) => {
        expect(encoded(one) === encoded(other)).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 10_000 },
    );
  });

  it('ignores the order of properties at every depth', () => {
    fc.assert(
      fc.property(plainArgs, (args) => {
        const reversed = (value: unknown): unknown => {
          if (Array.isArray(value)) return value.map(reversed);
          if (Object.prototype.toString.call(value) !== '[object Object]') return value;
          return Object.fromEntries(
            Object.entries(value as object)
              .toReversed()
              .map(([name, item]) => [name, reversed(item)]),
          );
        };
        expect(encoded(reversed(args))).toBe(encoded(args));
      }),
    );
  });

  it.each<[string, unknown, unknown]>([
    ['delimiters inside a text and a second property', { a: '1:b:2' }, { a: '1', b: '2' }],
    ['an encoded text inside a text, and a second property', { a: 's1:b' }, { a: '', b: '' }],
    ['the border between two texts', ['ab', 'c'], ['a', 'bc']],
    ['the border between a name and its value', { ab: 'c' }, { a: 'bc' }],
    ['the border between two texts that look encoded', ['as:b', 'c'], ['a', 'bs:c']],
    ['an item in an inner list and one after it', [[], 1], [[1]]],
    ['the items of nested lists', [[1], [1]], [[2], [3]]],
    ['the nesting of lists', [[1, 2]], [[1], [2]]],
    ['the empty list and the empty object', [], {}],
    ['a list and an object with its indices', ['a'], { 0: 'a' }],
    ['null and absent', { a: null }, {}],
    ['undefined and absent', { a: undefined }, {}],
    ['null and undefined', { a: null }, { a: undefined }],
    ['null and the empty text', { a: null }, { a: '' }],
    ['null and the text "null"', { a: null }, { a: 'null' }],
    ['a number and its text', 1, '1'],
    ['a number and its bigint', 1, 1n],
    ['a bigint and its text', 1n, '1'],
    ['a boolean and its text', true, 'true'],
    ['a boolean and a number', true, 1],
    ['zero and minus zero', 0, -0],
    ['NaN and null', Number.NaN, null],
    ['positive and negative infinity', Infinity, -Infinity],
    ['a date and its number', new Date(5), 5],
    ['a date and its text', new Date(5), new Date(5).toISOString()],
    ['a date and an invalid one', new Date(0), new Date(Number.NaN)],
    ['bytes and their text', Buffer.from('ab'), 'ab'],
    ['bytes that are not UTF-8', Buffer.from([0xff]), Buffer.from([0xfe])],
    ['two lone surrogates', '\ud800', '\ud801'],
    ['a lone surrogate and U+FFFD', '\ud800', '\ufffd'],
    ['a composed and a decomposed letter', 'é', 'e\u0301'],
    ['upper and lower case', 'A', 'a'],
    ['a text with and without a space at the end', 'a', 'a '],
    ['an object with the property __proto__ and an empty one', JSON.parse('{"__proto__":1}'), {}],
    ['lists with holes at different positions', Object.assign(Array(2), [1]), Object.assign(Array(2), { 1: 1 })],
  ])('distinguishes %s', (_, one, other) => {
    expect(encoded(one)).not.toBe(encoded(other));
    expect(keyOf({ value: one })).not.toBe(keyOf({ value: other }));
  });

  it('is the same for all invalid dates', () => {
    expect(encoded(new Date(Number.NaN))).toBe(encoded(new Date('no date')));
  });

  it('is the same for equal bytes in a Uint8Array and a Buffer', () => {
    expect(encoded(new Uint8Array([1, 2]))).toBe(encoded(Buffer.from([1, 2])));
  });
});

describe('a key', () => {
  it('is the same only if parent, arguments, viewer and vary are equal, in 20,000 near-duplicates', () => {
    let equal = 0;
    let withDifferentViewers = 0;
    fc.assert(
      fc.property(plainParts, dice, (parts, rolls) => {
        const variant = twinPartsOf(parts, rolls);
        const areEqual = isDeepStrictEqual(partsOf(parts), partsOf(variant));
        if (areEqual) equal += 1;
        if (parts.viewer !== variant.viewer) withDifferentViewers += 1;
        expect(createKey('shop', { field, ...parts }).text === createKey('shop', { field, ...variant }).text).toBe(
          areEqual,
        );
      }),
      { numRuns: 20_000 },
    );
    expect(equal).toBeGreaterThan(1_000);
    expect(withDifferentViewers).toBeGreaterThan(2_000);
  });

  it('of a public value without vary is the same as in versions without viewers', () => {
    expect(createKey('shop', { schemaDigest: '3f2a9c', field, vary: undefined }).text).toBe('shop:3f2a9c:Query:field');
    expect(createKey('shop', { field, args: { q: 'rose' } }).text).toBe('shop:Query:field:Sg153ClHFtYWlv5_1Oy3ZN');
  });

  it('reveals neither its viewer nor what it varies by', () => {
    const { text } = createKey('shop', { field, viewer: 'alice@example.com', vary: { tenant: 'acme' } });
    expect(text).toMatch(/^shop:Query:field:[A-Za-z0-9_-]{22}$/);
  });

  it('differs for each viewer, and without a viewer', () => {
    const texts = [{}, ...['', '0', '1', 'null', 0, 1, -1, 0n, 1n].map((viewer) => ({ viewer }))].map(
      (parts) => createKey('shop', { field, ...parts }).text,
    );
    expect(new Set(texts).size).toBe(texts.length);
  });

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'another number'],
    [2 ** 53, 'another number'],
    [1.5, 'another number'],
    [true, 'boolean'],
    [{ id: 1 }, 'object'],
    [Promise.resolve(1), 'a promise'],
  ])('is refused for the viewer %s, with an error that does not contain it', (viewer, got) => {
    const error = refusal(() => createKey('shop', { field, viewer: viewer as string }));
    expect(error.code).toBe('INVALID_KEY');
    expect(error.message).toBe(`Query.field: a viewer is a text, a whole number below 2^53 or a bigint, got ${got}`);
  });

  it('is refused for a vary that has no canonical form', () => {
    const error = refusal(() => createKey('shop', { field, vary: { at: Promise.resolve(1) } }));
    expect(error.message).toBe(
      'Query.field: vary must be JSON, bigint, Date, bytes or instances with a codec to make a key, got an instance of Promise',
    );
  });

  it('is readable, and has no hash without a parent, arguments, a viewer or vary', () => {
    expect(createKey('shop', { schemaDigest: '3f2a9c', field: 'Query.categoryStats' }).text).toBe(
      'shop:3f2a9c:Query:categoryStats',
    );
    expect(createKey('shop', { field: 'Query.categoryStats', args: {} }).text).toBe('shop:Query:categoryStats');
    expect(createKey('shop', { field: 'Query.search', args: { q: '' } }).text).toMatch(
      /^shop:Query:search:[A-Za-z0-9_-]{22}$/,
    );
  });

  it('is the same in every process and version, so that a deploy with the same schema finds its entries', () => {
    const args = { q: 'rose', ids: [1, 2], at: new Date(0), big: 1n, none: null };
    expect(createKey('shop', { field, parent: 7, args }).text).toBe('shop:Query:field:rn0Zu0jUqfH-3_IrqFWofh');
  });

  it('differs by namespace, schema digest, field, parent and arguments', () => {
    const texts = [
      createKey('shop', { field }),
      createKey('shop2', { field }),
      createKey('shop', { field, schemaDigest: '3f2a9c' }),
      createKey('shop', { field: 'Query.field2' }),
      createKey('shop', { field, parent: 1 }),
      createKey('shop', { field, parent: '1' }),
      createKey('shop', { field, parent: 1n }),
      createKey('shop', { field, parent: '' }),
      createKey('shop', { field, args: { parent: 1 } }),
      createKey('shop', { field, args: { id: 1 } }),
      createKey('shop', { field, parent: 1, args: { id: 1 } }),
      createKey('shop', { field, args: { a: undefined } }),
    ].map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it.each<[string, unknown, string]>([
    ['an instance of a class', new URL('http://a'), 'an instance of URL'],
    ['a map', new Map(), 'an instance of Map'],
    ['a boxed text', Object('a'), 'an instance of String'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('a'), 'a symbol'],
    ['a promise', Promise.resolve(), 'an instance of Promise'],
    ['an object with symbol keys', { [Symbol('a')]: 1 }, 'an object with symbol keys'],
    [
      'an object with hidden properties',
      Object.defineProperty({}, 'a', { value: 1 }),
      'an object with hidden properties',
    ],
    ['a list with properties', Object.assign([1], { next: 2 }), 'a list with properties of its own'],
    ['a list with symbol keys', Object.assign([1], { [Symbol('a')]: 1 }), 'a list with symbol keys'],
    ['an instance of a subclass of Array', new (class Tuple extends Array {})(), 'an instance of Tuple'],
    ['a Date with properties', Object.assign(new Date(0), { zone: 'utc' }), 'a Date with properties of its own'],
    ['an instance of a subclass of Date', new (class Moment extends Date {})(), 'an instance of Moment'],
    ['an instance of a subclass of Uint8Array', new (class Bytes extends Uint8Array {})(), 'an instance of Bytes'],
  ])('is refused for %s, naming the field', (_, value, got) => {
    const error = refusal(() => createKey('shop', { field: 'Query.search', args: { deep: [{ value }] } }));
    expect(error.code).toBe('INVALID_KEY');
    expect(error.message).toBe(
      `Query.search: arguments must be JSON, bigint, Date, bytes or instances with a codec to make a key, got ${got}`,
    );
  });

  it('is refused for a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = [cycle];
    expect(refusal(() => createKey('shop', { field, args: cycle })).message).toContain('nested deeper than 64 levels');
  });

  it.each(['tag', 'tag:x', 'a:b', ''])(
    'is refused for the schema digest %j, which could make the key of a token',
    (digest) => {
      const error = refusal(() => createKey('shop', { schemaDigest: digest, field }));
      expect([error.code, error.message]).toEqual([
        'INVALID_KEY',
        `${field}: schemaDigest must be a text without ":" that is not "tag", got ${JSON.stringify(digest)}`,
      ]);
    },
  );

  it.each(['tag.products', 'tag', 'a:b', ''])(
    'is refused for the field %j, whose key could be that of something else',
    (name) => {
      expect(refusal(() => createKey('shop', { field: name })).code).toBe('INVALID_KEY');
    },
  );
});

/** The parts that a key must distinguish. */
function partsOf({ parent, args = {}, viewer, vary }: PlainParts): unknown[] {
  return [parent, args, viewer, vary];
}

function keyOf(args: Record<string, unknown>): string {
  return createKey('shop', { field, args }).text;
}

function refusal(make: () => unknown): CacheError {
  try {
    make();
  } catch (error) {
    if (error instanceof CacheError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
