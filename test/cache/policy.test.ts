import { describe, expect, it } from 'vitest';
import { CacheError, createMemoryStore, createPolicy, type Duration } from '../../src/cache/index.ts';

describe('a policy', () => {
  it.each([
    ['strict', { strict: 'yes' }],
    ['refill', { refill: 1 }],
  ])('rejects a %s that is neither true nor false', (name, given) => {
    const create = (): unknown => createPolicy('Query.field', { ttl: '60s', ...(given as object) });
    expect(create).toThrow(`Query.field: ${name} must be true or false, got ${typeof Object.values(given)[0]}`);
  });

  it.each([[-0.1], [1.01], [Number.NaN], ['0.5'], [null]])('rejects the share %j of shadow checks', (shadow) => {
    expect(errorOf({ ttl: '1s', ...({ shadow } as object) })).toEqual({
      code: 'INVALID_POLICY',
      message: `Query.field: shadow must be a number from 0 to 1, got ${typeof shadow === 'string' ? '"0.5"' : shadow}`,
    });
  });

  it.each([
    [0.01, 0.01],
    [1, 1],
    [0, undefined],
    [undefined, undefined],
  ])('has the share %j of shadow checks', (shadow, expected) => {
    expect(createPolicy('Query.field', { ttl: '1s', shadow }).shadow).toBe(expected);
  });

  it.each<[Duration, number]>([
    ['1ms', 1],
    ['250ms', 250],
    ['60s', 60_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['24h', 86_400_000],
    ['86400000ms', 86_400_000],
    ['007s', 7_000],
  ])('parses %s as %d ms', (ttl, ttlMs) => {
    expect(createPolicy('Query.field', { ttl })).toEqual({
      ttlMs,
      jitter: 0,
      staleMs: 0,
      staleIfErrorMs: 0,
      softTimeoutMs: 2_000,
      isRefreshedEarly: false,
      tags: [],
      isStrict: false,
      isRefilled: false,
      isByProperty: false,
    });
  });

  it.each<[unknown]>([
    ['0s'],
    ['0ms'],
    ['25h'],
    ['2d'],
    ['86400001ms'],
    ['9999999999s'],
    ['1.5s'],
    ['-1s'],
    ['+1s'],
    ['1e3s'],
    ['60'],
    ['s'],
    [''],
    ['60 s'],
    [' 60s'],
    ['60s\n'],
    ['60S'],
    ['1w'],
    ['Infinitys'],
    [60],
    [null],
  ])('rejects the duration %j with an error that names the place, the rule and the value', (ttl) => {
    expect(errorOf({ ttl: ttl as Duration })).toEqual({
      code: 'INVALID_POLICY',
      message:
        'Query.field: ttl must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, ' +
        `got ${JSON.stringify(ttl)}`,
    });
  });

  it.each<[unknown, string]>([
    ['*', '"*"'],
    ['', '""'],
    ['x'.repeat(201), `"${'x'.repeat(60)}"`],
    [1, 'number'],
    [null, 'object'],
    [undefined, 'undefined'],
  ])('rejects the tag %j with an error that names the place, the rule and the value', (tag, got) => {
    expect(errorOf({ ttl: '1s', tags: ['good', tag as string] })).toEqual({
      code: 'INVALID_TAG',
      message: `Query.field: a tag must be a text of 1 to 200 characters without NUL in front, other than "*" and "<table>:!", got ${got}`,
    });
  });

  it.each([
    ['products', 'string'],
    [null, 'object'],
    [{}, 'object'],
    [Promise.resolve(['products']), 'a promise'],
  ])('rejects tags that are not a list: %j', (tags, got) => {
    expect(errorOf({ ttl: '1s', tags: tags as string[] })).toEqual({
      code: 'INVALID_TAG',
      message: `Query.field: tags must be a list, got ${got}`,
    });
  });

  it('accepts a tag of 200 characters, removes duplicates, copies the list and is frozen', () => {
    const tags = ['a', 'x'.repeat(200), 'a'];
    const policy = createPolicy('Query.field', { ttl: '1s', tags });
    tags.push('b');
    expect(policy.tags).toEqual(['a', 'x'.repeat(200)]);
    expect(Object.isFrozen(policy) && Object.isFrozen(policy.tags)).toBe(true);
  });
});

it.each(['', 'Shop', 'shop:', 'sh*p', '[s]', 'a b', 'shop\n', 'x'.repeat(33)])(
  'createMemoryStore rejects the namespace %j',
  (namespace) => {
    expect(() => createMemoryStore({ namespace })).toThrow(
      `a namespace is 1 to 32 of a-z 0-9 _ -, got ${JSON.stringify(namespace)}`,
    );
  },
);

function errorOf(options: { ttl: Duration; tags?: string[] }): { code: string; message: string } {
  try {
    createPolicy('Query.field', options);
  } catch (error) {
    if (error instanceof CacheError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}
