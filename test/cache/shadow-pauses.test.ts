// A field whose checks fail is not checked for a while: its source is down, or slow.
import { describe, expect, it } from 'vitest';
import { call, graceMs, newOutdatedWorld, resultsOf } from './shadow-world.ts';
import { newWorld, settled, times, type FetchCall, type World } from './world.ts';

const down = new Error('down');
const of = (n: number): FetchCall => ({ ...call, args: { n } });

async function hit(world: World, one: FetchCall = call): Promise<void> {
  await world.fetch(one);
  await settled(world);
}

/** Whether a hit is checked now. */
async function isChecked(world: World, one?: FetchCall): Promise<boolean> {
  const before = world.source.loads;
  await hit(world, one);
  return world.source.loads > before;
}

describe('after a check has failed, its field is not checked', () => {
  it.each<[string, (world: World) => Promise<void>]>([
    ['because its load failed', (world) => (world.source.fails(down), hit(world))],
    ['because its load was given up, and fails', giveUp],
  ])('%s: for a second, then for twice as long each time, half a minute at most', async (_, fail) => {
    const world = await newOutdatedWorld();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const failedBefore = resultsOf(world).filter((result) => result === 'failed').length;
      await fail(world);
      expect(resultsOf(world).filter((result) => result === 'failed')).toHaveLength(failedBefore + 1);
      world.source.gives('value');
      expect(await isChecked(world)).toBe(false);
      world.clock.advance(pauseMs - 1);
      expect(await isChecked(world)).toBe(false);
      expect(resultsOf(world).slice(-2)).toEqual(['skipped', 'skipped']);
      world.clock.advance(1);
    }
    expect(await isChecked(world)).toBe(true);
  });

  it('under any of its keys, while other fields are', async () => {
    const world = await newWorld();
    const other = { ...call, field: 'Query.other' };
    for (const one of [of(1), of(2), other]) await world.fetch(one);
    world.source.fails(down);
    await hit(world, of(1));
    world.source.gives('value');
    expect(await isChecked(world, of(2))).toBe(false);
    expect(await isChecked(world, other)).toBe(true);
  });

  it('also if it waits for its turn already', async () => {
    const world = await newWorld();
    for (const n of times(100, Number)) await world.fetch(of(n));
    const held = world.source.hold();
    world.source.fails(down);
    for (const n of times(100, Number)) await hit(world, of(n));
    held.fail(down);
    await settled(world);
    expect(world.source.loads).toBe(101);
    expect(resultsOf(world).toSorted()).toEqual(['failed', ...times(99, () => 'skipped')]);
  });

  it('a second time, either', async () => {
    const world = await newWorld();
    for (const n of [1, 2]) await world.fetch(of(n));
    world.source.gives('new');
    await hit(world, of(1));
    world.clock.advance(graceMs - 1);
    world.source.fails(down);
    await hit(world, of(2));
    world.clock.advance(1);
    await settled(world);
    expect(resultsOf(world)).toEqual(['failed', 'skipped']);
    expect(world.source.loads).toBe(4);
  });
});

it('after a check that has succeeded, pauses are short again', async () => {
  const world = await newWorld();
  await world.fetch(call);
  for (const _ of times(3, Number)) {
    world.source.fails(down);
    expect(await isChecked(world)).toBe(true);
    world.source.gives('value');
    world.clock.advance(1_000);
    expect(await isChecked(world)).toBe(true);
  }
  expect(resultsOf(world)).toEqual(times(3, () => ['failed', 'equal']).flat());
});

it('a source that is down is loaded from once a pause, however many hits are drawn', async () => {
  const world = await newWorld();
  for (const n of times(20, Number)) await world.fetch({ ...of(n), ttl: '1d' });
  world.source.fails(down);
  const before = world.source.loads;
  for (const _ of times(300, Number)) {
    for (const n of times(20, Number)) await world.fetch({ ...of(n), ttl: '1d' });
    await settled(world);
    world.clock.advance(1_000);
  }
  expect(world.source.loads - before).toBe(6 + 8); // after 0, 1, 3, 7, 15 and 31 s, and then every 30 s
});

/** A hit whose load is given up, and fails in the end. */
async function giveUp(world: World): Promise<void> {
  const held = world.source.hold();
  await world.fetch(call);
  await held.begun;
  world.clock.advance(10_000);
  await settled(world);
  held.fail(down);
  await settled(world);
}
