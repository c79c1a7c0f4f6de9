import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differencesOf } from '../../src/console/cache-panel/compare/difference.ts';

describe('responses are equal', () => {
  it('if they have the same values', () => {
    const response = { books: [{ title: 'A', price: null }, { title: 'B' }], count: 2 };
    expect(differencesOf(response, structuredClone(response))).toEqual([]);
  });

  it('whatever the order of their names', () => {
    expect(differencesOf({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([]);
  });

  it('only if their JSON is, names in order', () => {
    assert(
      property(jsonValue(), jsonValue(), (one, other) => {
        const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
        expect(differencesOf(JSON.parse(a), JSON.parse(a))).toEqual([]);
        expect(differencesOf(JSON.parse(a), JSON.parse(b)).length === 0).toBe(sorted(a) === sorted(b));
      }),
    );
  });
});

describe('a difference', () => {
  it('has its path and both values', () => {
    const database = { books: [{ title: 'A' }, { title: 'B', tags: ['x'] }], count: 2 };
    const cache = { books: [{ title: 'A' }, { title: 'C', tags: ['x', 'y'] }], count: 2 };
    expect(differencesOf(database, cache)).toEqual([
      { path: 'books[1].title', database: 'B', cache: 'C' },
      { path: 'books[1].tags[1]', database: undefined, cache: 'y' },
    ]);
  });

  it.each([
    [null, {}],
    [[], {}],
    [{ 0: 'a' }, ['a']],
    ['1', 1],
    [0, false],
    [null, undefined],
  ])('is found between %j and %j', (database, cache) => {
    expect(differencesOf({ a: database }, { a: cache })).toEqual([{ path: 'a', database, cache }]);
  });

  it('is found where one response has no value, whatever its name', () => {
    expect(differencesOf({ constructor: 'a' }, {})).toEqual([{ path: 'constructor', database: 'a', cache: undefined }]);
    expect(differencesOf({}, { toString: 'a' })).toHaveLength(1);
  });

  it('of the whole response has no path', () => {
    expect(differencesOf(null, { a: 1 })).toEqual([{ path: '', database: null, cache: { a: 1 } }]);
  });

  it('is one of the first few', () => {
    const numbers = Array.from({ length: 1_000 }, (_, index) => index);
    const found = differencesOf({ numbers }, { numbers: numbers.map((number) => -number - 1) }, 3);
    expect(found.map(({ path }) => path)).toEqual(['numbers[0]', 'numbers[1]', 'numbers[2]']);
  });
});

/** The JSON with the names of each object in order. */
function sorted(json: string): string {
  return JSON.stringify(JSON.parse(json), (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
