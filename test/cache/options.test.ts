// A caller without types may pass anything. The error names the option, what it must be and what was passed.
import { describe, expect, it } from 'vitest';
import {
  CacheError,
  createCache,
  createMemoryStore,
  createPolicy,
  type CacheErrorCode,
  type Codec,
} from '../../src/cache/index.ts';
import { newWorld } from './world.ts';

const store = createMemoryStore({ namespace: 'shop' });

const goodCodec: Codec = { name: 'Money', test: () => false, encode: () => 1, decode: () => ({}) };

/** `create` without types, as JavaScript calls it. */
function untyped(create: unknown): (...given: unknown[]) => unknown {
  return create as (...given: unknown[]) => unknown;
}

/** The error that `call` throws or rejects with. */
async function errorOf(call: () => unknown): Promise<Pick<CacheError, 'code' | 'message'>> {
  try {
    await call();
  } catch (error) {
    if (error instanceof CacheError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('createCache', () => {
  it.each<[string, unknown, string]>([
    ['a misspelled option', { stroe: store }, 'createCache: unknown option "stroe"; it has store, clock, deadlineMs,'],
    ['an unknown option among valid ones', { store, ttl: '60s' }, 'unknown option "ttl"'],
    ['missing options', undefined, 'createCache: the options must be an object with store, '],
    ['a missing store', {}, 'createCache: store must be a store, which createMemoryStore()'],
    ['a promise of a store', { store: Promise.resolve(store) }, 'got a promise (await it)'],
    ['a store without methods', { store: { namespace: 'shop' } }, 'store must be'],
    [
      'a negative size',
      { store, memoryBytesMax: -1 },
      'memoryBytesMax must be a whole number of bytes, 0 or more, got -1',
    ],
    ['a fractional size', { store, memoryBytesMax: 0.5 }, 'memoryBytesMax must be'],
    [
      'a size that is a text',
      { store, memoryBytesMax: '32MB' },
      'memoryBytesMax must be a whole number of bytes, 0 or more, got "32MB"',
    ],
    ['a size that is NaN', { store, memoryBytesMax: Number.NaN }, 'memoryBytesMax must be'],
    ['an infinite size', { store, memoryBytesMax: Infinity }, 'memoryBytesMax must be'],
    [
      'a deadline that is NaN',
      { store, deadlineMs: Number.NaN },
      'deadlineMs must be a number of milliseconds above 0',
    ],
    ['a deadline of 0', { store, deadlineMs: 0 }, 'deadlineMs must be'],
    ['a deadline that is a text', { store, deadlineMs: '100ms' }, 'deadlineMs must be'],
    ['an infinite deadline', { store, deadlineMs: Infinity }, 'deadlineMs must be'],
    [
      'known tags that are a list',
      { store, knownTags: ['a'] },
      'knownTags must be a function that returns a list of tags, got a list',
    ],
    [
      'known tags that are null',
      { store, knownTags: null },
      'knownTags must be a function that returns a list of tags, got null',
    ],
    [
      'a clock without `after`',
      { store, clock: { nowMs: () => 0 } },
      'clock must be a clock with nowMs and after, got an object',
    ],
    [
      'a grace period of 0',
      { store, shadowGraceMs: 0 },
      'shadowGraceMs must be a number of milliseconds above 0, at most',
    ],
    ['an infinite grace period', { store, shadowGraceMs: Infinity }, 'shadowGraceMs must be'],
    ['a random source that is a number', { store, random: 0.5 }, 'random must be a function'],
    ['a log that is a function', { store, log: () => {} }, 'log must be a logger with warn(fields, message), or false'],
    [
      'codecs that are one codec',
      { store, codecs: goodCodec },
      'codecs must be a list of { name, test, encode, decode }',
    ],
    ['a codec that is a class', { store, codecs: [goodCodec, Map] }, 'createCache: codecs[1]: the options must be an'],
    [
      'a codec without a name',
      { store, codecs: [{ ...goodCodec, name: undefined }] },
      'codecs[0]: name must be a letter',
    ],
    ['a name with a space', { store, codecs: [{ ...goodCodec, name: 'My Money' }] }, '_ / -, got "My Money"'],
    ['a name that is too long', { store, codecs: [{ ...goodCodec, name: 'x'.repeat(41) }] }, 'name must be a letter'],
    [
      'a codec without decode',
      { store, codecs: [{ ...goodCodec, decode: undefined }] },
      'createCache: codecs[0]: decode must be a function that returns an instance, got undefined',
    ],
    [
      'a codec with a misspelled option',
      { store, codecs: [{ ...goodCodec, serialize: () => 1 }] },
      'createCache: codecs[0]: unknown option "serialize"; it has name, test, encode, decode',
    ],
    [
      'two codecs of one name',
      { store, codecs: [goodCodec, { ...goodCodec }] },
      'createCache: codecs[1]: name must differ from those before it, got "Money"',
    ],
    ['a log that is true', { store, log: true }, 'log must be'],
  ])('rejects %s', async (_, options, message) => {
    expect(await errorOf(() => untyped(createCache)(options))).toEqual({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining(message),
    });
  });

  it('accepts options that are undefined', async () => {
    const cache = untyped(createCache)({ store, clock: undefined, memoryBytesMax: undefined, log: undefined });
    expect(cache).toBeDefined();
  });
});

describe('createMemoryStore', () => {
  it.each<[string, unknown, CacheErrorCode, string]>([
    [
      'a misspelled option',
      { namespace: 'a', maxBytes: 1 },
      'INVALID_OPTIONS',
      'createMemoryStore: unknown option "maxBytes"',
    ],
    ['missing options', undefined, 'INVALID_OPTIONS', 'createMemoryStore: the options must be an object'],
    ['a missing namespace', {}, 'INVALID_OPTIONS', 'namespace must be a text, got undefined'],
    ['a negative size', { namespace: 'a', bytesMax: -1 }, 'INVALID_OPTIONS', 'bytesMax must be a whole number'],
    ['a clock that is a number', { namespace: 'a', clock: 1 }, 'INVALID_OPTIONS', 'clock must be'],
    ['a namespace with other characters', { namespace: 'A:b' }, 'INVALID_KEY', 'a namespace is'],
  ])('rejects %s', async (_, options, code, message) => {
    expect(await errorOf(() => untyped(createMemoryStore)(options))).toEqual({
      code,
      message: expect.stringContaining(message),
    });
  });
});

it.each<[unknown, string]>([
  ['books', 'invalidate: expected a list of tags, such as ["books"], got "books"'],
  [undefined, 'invalidate: expected a list of tags, such as ["books"], got undefined'],
  [null, 'got null'],
  [new Set(['books']), 'got an object'],
  [{ tags: ['books'] }, 'got an object'],
  [[1], 'invalidate: a tag must be a text'],
  [[undefined], 'invalidate: a tag must be a text'],
  [[['books']], 'invalidate: a tag must be a text'],
  [[''], 'invalidate: a tag must be a text'],
])('invalidate rejects %o, names what it expects, and invalidates nothing', async (tags, message) => {
  const { cache, fetch, trace } = await newWorld();
  await fetch({ tags: ['books'] });
  expect(await errorOf(() => untyped(cache.invalidate.bind(cache))(tags))).toEqual({
    code: 'INVALID_TAG',
    message: expect.stringContaining(message),
  });
  await fetch({ tags: ['books'] });
  expect(trace.text).toBe('load write miss hit');
});

describe('fetch, key, on and createPolicy', () => {
  it.each<[string, (given: Awaited<ReturnType<typeof parts>>) => unknown, CacheErrorCode, string]>([
    [
      'a key that is a text',
      ({ fetch, policy, load }) => fetch('a', policy, load),
      'INVALID_KEY',
      'fetch: the key must be one',
    ],
    ['a missing key', ({ fetch, policy, load }) => fetch(undefined, policy, load), 'INVALID_KEY', 'got undefined'],
    [
      'a missing policy',
      ({ fetch, key, load }) => fetch(key, undefined, load),
      'INVALID_POLICY',
      'Query.a: the policy must be one',
    ],
    [
      'policy options instead of a policy',
      ({ fetch, key, load }) => fetch(key, { ttl: '60s' }, load),
      'INVALID_POLICY',
      'createPolicy()',
    ],
    [
      'an infinite TTL',
      ({ fetch, key, load }) => fetch(key, { ttlMs: Infinity, tags: [] }, load),
      'INVALID_POLICY',
      '',
    ],
    [
      'tags that are not a list',
      ({ fetch, key, load }) => fetch(key, { ttlMs: 1, tags: 'a' }, load),
      'INVALID_POLICY',
      '',
    ],
    [
      'a load that is not a function',
      ({ fetch, key, policy }) => fetch(key, policy, 1),
      'INVALID_OPTIONS',
      'Query.a: load must be a function, got 1',
    ],
    [
      'an unknown mode',
      ({ fetch, key, policy, load }) => fetch(key, policy, load, { mode: 'BYPASS' }),
      'INVALID_OPTIONS',
      'Query.a: mode must be "use", "bypass" or "refresh", got "BYPASS"',
    ],
    [
      'a request that is a text',
      ({ fetch, key, policy, load }) => fetch(key, policy, load, { request: 'id' }),
      'INVALID_OPTIONS',
      'request must be an object',
    ],
    [
      'a signal instead of a function isAborted',
      ({ fetch, key, policy, load }) => fetch(key, policy, load, { isAborted: new AbortController().signal }),
      'INVALID_OPTIONS',
      'Query.a: isAborted must be a function, got an object',
    ],
    ['missing parts of a key', ({ keyOf }) => keyOf(undefined), 'INVALID_KEY', 'a key needs field'],
    ['parts of a key without a field', ({ keyOf }) => keyOf({ feild: 'a' }), 'INVALID_KEY', 'got undefined'],
    [
      'arguments that are a list',
      ({ keyOf }) => keyOf({ field: 'a', args: [1] }),
      'INVALID_KEY',
      'a: args must be an object',
    ],
    [
      'a parent that is undefined',
      ({ keyOf }) => keyOf({ field: 'a', parent: undefined }),
      'INVALID_KEY',
      'a: a parent is',
    ],
    [
      'a listener that is not a function',
      ({ on }) => on('hit'),
      'INVALID_OPTIONS',
      'on: the listener must be a function, got "hit"',
    ],
    [
      'missing options of a policy',
      () => untyped(createPolicy)('Query.a'),
      'INVALID_POLICY',
      'Query.a: a policy has ttl, nullTtl, jitter, stale, early, staleIfError, softTimeout, timeout, shadow, tags, strict, refill',
    ],
    [
      'a misspelled option of a policy',
      () => untyped(createPolicy)('Query.a', { ttl: '60s', tag: ['a'] }),
      'INVALID_POLICY',
      'Query.a: a policy has ttl, nullTtl, jitter, stale, early, staleIfError, softTimeout, timeout, shadow, tags, strict, refill, fields, got the unknown option "tag"',
    ],
  ])('reject %s', async (_, call, code, message) => {
    const given = await parts();
    expect(await errorOf(() => call(given))).toEqual({ code, message: expect.stringContaining(message) });
  });
});

async function parts() {
  const { cache } = await newWorld();
  return {
    key: cache.key({ field: 'Query.a' }),
    policy: createPolicy('Query.a', { ttl: '60s' }),
    load: () => 1,
    fetch: untyped(cache.fetch.bind(cache)),
    keyOf: untyped(cache.key.bind(cache)),
    on: untyped(cache.on.bind(cache)),
  };
}
