// How long a value is fresh: its policy's TTL, and how that is spread.
import { describe, expect, it } from 'vitest';
import { createPolicy, type Duration } from '../../src/cache/index.ts';
import { drawTtlMs } from '../../src/cache/value-ttl.ts';
import { age, newWorld, tiers, times } from './world.ts';

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
    expect(create).toThrow(`Query.field: cache.jitter must be a number from 0 to 0.5, got ${got}`);
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
