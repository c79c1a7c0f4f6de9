// How long a value is fresh: its policy's TTL, and how that is spread.
import { noCodecs } from '../../src/cache/entry/class-codecs.ts';
import { describe, expect, it } from 'vitest';
import {
  CacheError,
  createPolicy,
  currentLoad,
  type CacheLog,
  type Duration,
  type Key,
  type PolicyOptions,
} from '../../src/cache/index.ts';
import { drawTtlMs, valueTtlMs } from '../../src/cache/value-ttl.ts';
import { age, newWorld, settled, tiers, times, type FetchCall } from './world.ts';

/** Mulberry32: the same numbers in each run, spread evenly over 0…1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('jitter', () => {
  it.each([
    [0.1, 60_000],
    [0.5, 600_000],
    [0.33, 7_777],
  ])('of %d spreads 10,000 TTLs evenly between the lower bound and the TTL', (jitter, ttlMs) => {
    const random = seeded(20_261_128);
    const drawn = times(10_000, () => drawTtlMs({ jitter }, ttlMs, random)).toSorted((a, b) => a - b);
    const lowestMs = ttlMs * (1 - jitter);
    expect(drawn.every((ms) => Number.isInteger(ms) && ms >= lowestMs && ms <= ttlMs)).toBe(true);
    // The largest distance between the quantiles drawn and those of a uniform distribution (Kolmogorov and Smirnov, 1 %).
    const distances = drawn.map((ms, index) => Math.abs((ms - lowestMs) / (ttlMs - lowestMs) - (index + 0.5) / 10_000));
    expect(Math.max(...distances)).toBeLessThan(1.63 / Math.sqrt(10_000));
  });

  it.each([
    [0, 1_000],
    [1, 900],
  ])('keeps within its bounds at the ends of the random numbers: %d', (random, ttlMs) => {
    expect(drawTtlMs({ jitter: 0.1 }, 1_000, () => random)).toBe(ttlMs);
  });

  it('keeps a TTL of 1 ms', () => {
    expect(drawTtlMs({ jitter: 0.5 }, 1, () => 1)).toBe(1);
  });

  it.each([-0.1, 0.51, Number.NaN, '0.1', null])('of %j is rejected', (jitter) => {
    const create = (): unknown => createPolicy('Query.field', { ttl: '60s', jitter: jitter as number });
    const got = typeof jitter === 'string' ? '"0.1"' : String(jitter);
    expect(create).toThrow(`Query.field: jitter must be a number from 0 to 0.5, got ${got}`);
  });
});

describe.each(tiers)('on the %s store, a value with jitter', (tier) => {
  const call = { ttl: '10s' as Duration, jitter: 0.5 };

  it('expires after the time that was drawn when it was stored, which its outcomes report', async () => {
    const world = await newWorld(tier, { random: () => 0.4 });
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', ttlMs: 8_000 });
    await age(world, 7_000);
    const { state, ttlMs, entryRef } = await world.outcome(call);
    expect(state).toBe('hit');
    expect(ttlMs).toBeGreaterThan(900);
    expect(ttlMs).toBeLessThanOrEqual(1_000);
    expect(entryRef?.freshMs).toBe(8_000);
    await age(world, 1_001);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', ttlMs: 8_000 });
  });

  it('does not expire together with the others that were loaded at the same time', async () => {
    const world = await newWorld(tier, { random: seeded(1) });
    const outcomes = await Promise.all(times(20, (id) => world.outcome({ ...call, args: { id } })));
    expect(new Set(outcomes.map(({ ttlMs }) => ttlMs)).size).toBe(20);
  });

  it('is stale after the time that was drawn', async () => {
    const world = await newWorld(tier, { random: () => 1 });
    await world.fetch({ ...call, stale: '10s', early: false });
    await age(world, 5_001);
    expect(await world.outcome({ ...call, stale: '10s', early: false })).toMatchObject({ state: 'stale', ttlMs: 0 });
  });
});

it('a value without jitter draws no random number', async () => {
  let draws = 0;
  const world = await newWorld('memory', { random: () => (draws += 1) });
  expect(await world.outcome({ ttl: '10s' })).toMatchObject({ ttlMs: 10_000 });
  expect(draws).toBe(0);
});

describe('the TTL of a value', () => {
  const key: Key = {
    ...{ text: 'shop:field', field: 'field', args: {} },
    ...{ parent: undefined, viewer: undefined, vary: undefined, selection: undefined },
  };
  const ttlOf = (options: PolicyOptions, value: unknown, random = 0): unknown =>
    valueTtlMs(createPolicy('field', options), { key, value }, { random: () => random, codecs: noCodecs });
  const own: PolicyOptions['ttl'] = (value) => (value === 'soon' ? '1s' : '1h');

  it.each<[string, PolicyOptions, unknown, unknown]>([
    ['ttl', { ttl: '10s' }, 'x', 10_000],
    ['ttl, for null as well', { ttl: '10s' }, null, 10_000],
    ['nullTtl for null', { ttl: '10s', nullTtl: '5s' }, null, 5_000],
    ['nullTtl for undefined', { ttl: '10s', nullTtl: '5s' }, undefined, 5_000],
    ['nullTtl although it is longer', { ttl: '10s', nullTtl: '5m' }, null, 300_000],
    ['ttl for values that are only falsy', { ttl: '10s', nullTtl: '5s' }, 0, 10_000],
    ['ttl for a list of nulls', { ttl: '10s', nullTtl: '5s' }, [null], 10_000],
    ['nothing for null with nullTtl: null', { ttl: '10s', nullTtl: null }, null, { refusal: 'null-ttl' }],
    ['ttl for other values with nullTtl: null', { ttl: '10s', nullTtl: null }, 'x', 10_000],
    ['the function', { ttl: own }, 'soon', 1_000],
    ['the function for another value', { ttl: own }, 'later', 3_600_000],
    ['the function for null', { ttl: own }, null, 3_600_000],
    ['nullTtl rather than the function', { ttl: own, nullTtl: '5s' }, null, 5_000],
    ['the function, up to the end of the day', { ttl: () => '23h', stale: '1h' }, 'x', 82_800_000],
    ['nothing if the function returns null', { ttl: () => null }, 'x', { refusal: 'null-ttl' }],
  ])('is that of %s', (_, options, value, expected) => {
    expect({ ttl: ttlOf(options, value) }).toMatchObject({ ttl: expected });
  });

  it.each<[string, PolicyOptions, unknown]>([
    ['ttl', { ttl: '10s' }, 'x'],
    ['nullTtl', { ttl: '1h', nullTtl: '10s' }, null],
    ['a function', { ttl: () => '10s' }, 'x'],
  ])('is shortened by jitter: that of %s', (_, options, value) => {
    expect(ttlOf({ ...options, jitter: 0.1 }, value, 0.5)).toBe(9_500);
  });

  it.each<[string, PolicyOptions, string]>([
    ['a nullTtl that is no duration', { ttl: '1s', nullTtl: 5 as never }, 'nullTtl must be a whole number with'],
    [
      'a nullTtl that is too long with stale',
      { ttl: '1s', nullTtl: '23h', stale: '2h' },
      'nullTtl and stale must be 1d at most together, got 23h and 2h',
    ],
    [
      'a stale time that leaves no time for a function',
      { ttl: () => '1s', stale: '1d' },
      'ttl and stale must be 1d at most together, got function and 1d',
    ],
  ])('%s is rejected', (_, options, message) => {
    expect(() => createPolicy('field', options)).toThrow(CacheError);
    expect(() => createPolicy('field', options)).toThrow(`field: ${message}`);
  });
});

describe.each(tiers)('on the %s store, a function ttl', (tier) => {
  it('decides how long each value is fresh, from the value and its key', async () => {
    const world = await newWorld(tier);
    const ttl: PolicyOptions['ttl'] = (value, { args }) => (value === 'day' ? '2h' : args['id'] === 1 ? '5s' : '1s');
    world.source.gives('day');
    expect((await world.outcome({ ttl })).ttlMs).toBe(7_200_000);
    world.source.gives('other');
    expect((await world.outcome({ ttl, args: { id: 1 } })).ttlMs).toBe(5_000);
    expect((await world.outcome({ ttl, args: { id: 2 } })).ttlMs).toBe(1_000);
    await age(world, 4_000);
    expect((await world.outcome({ ttl, args: { id: 1 } })).state).toBe('hit');
    expect((await world.outcome({ ttl, args: { id: 2 } })).state).toBe('miss');
  });

  it('receives a copy: it can change neither the value nor what is stored', async () => {
    const world = await newWorld(tier);
    const value = { names: ['a'] };
    world.source.gives(value);
    const ttl = (own: unknown): Duration => {
      (own as typeof value).names.push('b');
      return '1s';
    };
    expect(await world.fetch({ ttl })).toBe(value);
    expect(value).toEqual({ names: ['a'] });
    expect(await world.fetch({ ttl })).toEqual({ names: ['a'] });
  });

  it.each<[string, () => unknown, string]>([
    ['undefined', () => undefined, 'undefined'],
    ['a number', () => 60_000, '60000'],
    ['zero', () => '0s', '"0s"'],
    ['more than a day', () => '25h', '"25h"'],
    ['a text, which it does not repeat', () => 'secret', 'another text'],
    ['a promise', () => Promise.resolve('1s'), 'a promise (await it)'],
    ['a promise that is rejected', () => Promise.reject(new Error('late')), 'a promise (await it)'],
  ])('that returns %s: the value is returned, and not stored', async (_, returning, got) => {
    const call = { ttl: returning as () => Duration };
    const world = await newWorld(tier);
    const rule = 'ttl must return null or a whole number with a unit (ms, s, m, h, d), 1ms to 86400000ms';
    expect(await world.outcome(call)).toMatchObject({
      ...{ state: 'miss', value: 'value', ttlMs: null, notStored: `${rule}, got ${got}` },
    });
    expect(world.trace.take()).toBe('load write-refused(invalid-ttl) miss');
    await settled(world);
    expect((await world.outcome(call)).state).toBe('miss');
  });

  it('that returns a day with stale: the value is returned, and not stored', async () => {
    const world = await newWorld(tier);
    const { notStored } = await world.outcome({ ttl: () => '1d', stale: '1h', staleIfError: '2h' });
    expect(notStored).toContain('1ms to 79200000ms, got "1d"');
  });

  it('that throws: the value is returned, and not stored', async () => {
    const world = await newWorld(tier);
    const error = new Error('no rate');
    const ttl = (): Duration => {
      throw error;
    };
    expect(await world.outcome({ ttl })).toMatchObject({ value: 'value', notStored: 'ttl must not throw' });
    expect(world.trace.events).toContainEqual(expect.objectContaining({ type: 'write-refused', error }));
  });

  it('is not called for a value that is not stored anyway', async () => {
    const world = await newWorld(tier);
    let calls = 0;
    const ttl = (): Duration => `${(calls += 1)}s`;
    world.source.gives(() => 'no data');
    await world.fetch({ ttl });
    await world.fetch({ ttl, mode: 'bypass' });
    expect(calls).toBe(0);
  });

  it('runs outside of all loads: what it reads is not what the values depend on', async () => {
    const world = await newWorld(tier);
    const seen: unknown[] = [];
    const ttl = (): Duration => {
      seen.push(currentLoad());
      currentLoad()?.touchUnknown('the rates');
      return '1s';
    };
    const load = (): Promise<unknown> => world.fetch({ ttl });
    const { ttlMs } = await world.outcome({ field: 'Query.outer', load });
    expect(seen).toEqual([undefined]);
    expect(ttlMs).toBe(1_000); // the outer value ends with the inner one
  });

  it('limits the values that were derived from its value, and is limited by what its value was derived from', async () => {
    const world = await newWorld(tier);
    const load = (): Promise<unknown> => world.fetch({ ttl: '10s' });
    const { ttlMs } = await world.outcome({ field: 'Query.outer', ttl: () => '1h', load });
    expect(ttlMs).toBe(10_000);
  });
});

describe.each(tiers)('on the %s store, a value that its policy does not store', (tier) => {
  it.each<[string, FetchCall, unknown, string]>([
    ['because ttl returned null', { ttl: () => null }, 'x', 'ttl returned null'],
    ['because nullTtl is null', { nullTtl: null }, null, 'null, and nullTtl is null'],
  ])('%s is returned, reported and loaded again', async (_, call, value, notStored) => {
    const world = await newWorld(tier);
    world.source.gives(value);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value, notStored });
    expect(world.trace.take()).toBe('load write-refused(null-ttl) miss');
    await settled(world);
    expect((await world.outcome(call)).state).toBe('miss');
    expect(world.source.loads).toBe(2);
  });

  it('does not make requests of other processes wait one after another', async () => {
    const world = await newWorld(tier);
    const others = await Promise.all(
      times(3, () => newWorld(tier === 'memory' ? world.store : tier, { ...world, log: false })),
    );
    const held = world.source.hold();
    const first = world.fetch({ ttl: () => null });
    await held.begun;
    const waiting = others.map((other) => other.fetch({ ttl: () => null }));
    for (const other of others) await settled(other);
    held.give('x');
    await first;
    await settled(world);
    world.clock.advance(50); // they ask for the lease once more, and load at once
    await Promise.all(waiting);
    expect(others.map(({ source }) => source.loads)).toEqual([1, 1, 1]);
  });

  it.each<[string, FetchCall]>([
    ['staleIfError', { staleIfError: '1h' }],
    ['stale', { stale: '1h' }],
  ])('replaces an older one that has expired, with %s', async (_, call) => {
    const world = await newWorld(tier);
    world.source.gives('old');
    await world.fetch(call);
    await age(world, 60_001);
    world.source.gives('new');
    await world.fetch({ ...call, ttl: () => null });
    await settled(world); // a stale value was refreshed in the background
    const values = await Promise.all(times(5, () => world.fetch({ ...call, ttl: () => null })));
    expect(values).toEqual(times(5, () => 'new'));
    await settled(world);
    expect(await world.fetch({ ...call, ttl: () => null })).toBe('new');
  });

  it('prevents storing a value that was derived from it', async () => {
    const world = await newWorld(tier);
    const load = (): Promise<unknown> => world.fetch({ ttl: () => null });
    expect((await world.outcome({ field: 'Query.outer', load })).notStored).toBe(
      'depends on a cached value that was not stored',
    );
  });
});

it('a value that is null is cached like any other without nullTtl, and for nullTtl with it', async () => {
  const world = await newWorld();
  world.source.gives(null);
  expect((await world.outcome({ args: { id: 1 } })).ttlMs).toBe(60_000);
  expect((await world.outcome({ args: { id: 2 }, nullTtl: '5s' })).ttlMs).toBe(5_000);
  world.clock.advance(5_000);
  expect((await world.outcome({ args: { id: 1 } })).state).toBe('hit');
  expect((await world.outcome({ args: { id: 2 }, nullTtl: '5s' })).state).toBe('miss');
});

it('an invalid result of a function ttl is logged as a warning, without the message of what it threw', async () => {
  const lines: string[] = [];
  const log: CacheLog = { warn: (_fields, message) => void lines.push(message) };
  const world = await newWorld('memory', { log });
  const ttl = (): Duration => {
    throw new TypeError('secret');
  };
  await world.fetch({ ttl });
  await world.fetch({ field: 'Query.other', ttl: () => null });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^Query\.field: answered, not stored: ttl must not throw, threw TypeError at .*value-ttl/);
  expect(lines[0]).not.toContain('secret');
});
