// Differences between a hit and its load that something explains: they are not reported.
import { describe, expect, it } from 'vitest';
import { call, differencesIn, graceMs, newOutdatedWorld, passGrace, resultsOf } from './shadow-world.ts';
import { newFaultyWorld } from './store/faulty-store.ts';
import { redisClient, settled, tiers, type World } from './world.ts';

const explanations: readonly [string, (world: World) => Promise<unknown>][] = [
  ['is invalidated', ({ cache }) => cache.invalidate(['products'])],
  ['is invalidated by another process', ({ store }) => store.dropTokens(['products'])],
  ['is invalidated with everything else', ({ cache }) => cache.invalidate('everything')],
  ['is deleted', ({ cache }) => cache.delete('Query.field')],
  ['is deleted by another process', ({ store, cache }) => store.remove([cache.key({ field: 'Query.field' }).text])],
  ['is replaced', ({ fetch }) => fetch({ ...call, mode: 'refresh' })],
  ['is flushed', ({ cache }) => cache.flush()],
  ['expires', expire],
];

describe.each(tiers)('on the %s store, a difference is not reported if the entry', (tier) => {
  it.each(explanations)('%s before the grace period is over', async (_, explain) => {
    const world = await newOutdatedWorld(tier);
    await world.fetch(call);
    await settled(world);
    world.clock.advance(graceMs - 1);
    await explain(world);
    await passGrace(world);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['explained']);
    expect(differencesIn(world)).toEqual([]);
  });

  it.each(explanations)('%s in the grace period after the second load', async (_, explain) => {
    const world = await newOutdatedWorld(tier);
    await world.fetch(call);
    await passGrace(world);
    await explain(world);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['explained']);
    expect(differencesIn(world)).toEqual([]);
  });

  it.each(explanations.slice(0, -1))('%s during the first load', async (_, explain) => {
    const world = await newOutdatedWorld(tier, { memoryBytesMax: 1_000_000 });
    const held = world.source.hold();
    await world.fetch(call);
    await held.begun;
    await explain(world);
    held.give('newer');
    await passGrace(world);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['explained']);
  });
});

it('an entry that has expired and is still stored, to be returned as stale, is not compared', async () => {
  const stale = { ...call, stale: '1h', early: false } as const;
  const world = await newOutdatedWorld();
  await world.fetch({ ...stale, mode: 'refresh' });
  world.source.gives('newer');
  await world.fetch(stale);
  await settled(world);
  world.clock.advance(3_600_000);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['explained']);
});

it.each(['failing', 'silent'] as const)('there is no result while the store is %s', async (health) => {
  const world = await newFaultyWorld();
  await world.fetch(call);
  world.source.gives('newer');
  await world.fetch(call);
  await settled(world);
  world.faulty.health = health;
  world.clock.advance(graceMs);
  for (const _ of [1, 2, 3]) {
    if (health === 'failing') await settled(world);
    else await new Promise((resolve) => setImmediate(resolve));
    world.clock.advance(1_000);
  }
  world.faulty.health = 'well';
  world.faulty.answerAll();
  await passGrace(world);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['skipped']);
  expect(differencesIn(world)).toEqual([]);
});

it('nor while an invalidation of this process is pending', async () => {
  const world = await newOutdatedWorld();
  await world.fetch(call);
  await settled(world);
  world.cache.suspend(world, true);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['skipped']);
});

/** Redis has a time of its own, and removes a value that has expired. */
async function expire({ store, clock, cache }: World): Promise<void> {
  if (store.tier === 'memory') clock.advance(3_600_000);
  else await (await redisClient()).pexpire(cache.key({ field: 'Query.field' }).text, 0);
}
