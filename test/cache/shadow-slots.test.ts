// Loads of shadow checks begin only within the limit on loads, and delay no other load.
import { describe, expect, it } from 'vitest';
import { call, graceMs, passGrace, resultsOf } from './shadow-world.ts';
import { newWorld, settled, times, type FetchCall, type HeldLoad, type World } from './world.ts';

const of = (n: number): FetchCall => ({ ...call, field: `Query.field${n}` });
const miss: FetchCall = { field: 'Query.missed', ttl: '1h' };

/** A world with entries of as many fields. */
async function newLimitedWorld(fields: number, loadsAtOnceMax: number): Promise<World> {
  const world = await newWorld('memory', { loadsAtOnceMax });
  for (const n of times(fields, Number)) await world.fetch(of(n));
  return world;
}

/** A request whose load waits for the test. */
async function holdMiss(
  { source, fetch }: World,
  one: FetchCall = miss,
): Promise<HeldLoad & { answer: Promise<unknown> }> {
  const held = source.hold();
  const answer = fetch(one);
  await held.begun;
  return { ...held, answer };
}

async function holdCheck({ source, fetch }: World, one: FetchCall): Promise<HeldLoad> {
  const held = source.hold();
  await fetch(one);
  await held.begun;
  return held;
}

describe('a check', () => {
  it('is dropped while the limit on loads is reached', async () => {
    const world = await newLimitedWorld(1, 1);
    const { give, answer } = await holdMiss(world);
    await world.fetch(of(0));
    await settled(world);
    expect(world.cache.bulkhead).toMatchObject({ running: 1, waiting: 0 });
    give('value');
    await answer;
    await settled(world);
    expect(resultsOf(world)).toEqual(['skipped']);
  });

  it('is dropped if the limit is reached after it has begun', async () => {
    const world = await newLimitedWorld(1, 1);
    const held = world.source.hold();
    let answer: Promise<unknown> | undefined;
    world.cache.on(({ type }) => {
      if (type === 'hit') answer = world.fetch({ ...miss, mode: 'bypass' });
    });
    await world.fetch(of(0));
    await held.begun;
    await settled(world);
    expect(world.cache.bulkhead).toMatchObject({ running: 1, waiting: 0 });
    expect(resultsOf(world)).toEqual(['skipped']);
    held.give('value');
    await answer;
    expect(world.source.loads).toBe(2);
  });

  it('counts the loads of other checks', async () => {
    const world = await newLimitedWorld(2, 1);
    const held = await holdCheck(world, of(0));
    await world.fetch(of(1));
    await settled(world);
    expect(world.source.loads).toBe(3);
    held.give('value');
    await settled(world);
    expect(resultsOf(world)).toEqual(['skipped', 'equal']);
  });
});

describe('a cached response with a hit that is drawn is not executed in vain', () => {
  /** Whether a response with the value of `one`, which is drawn, is executed, so that it can be checked. */
  async function isExecuted(world: World, one: FetchCall): Promise<boolean> {
    const { entryRef } = await world.outcome(one);
    await settled(world); // this hit is checked too
    return entryRef !== undefined && (await world.cache.revalidate([entryRef])) === undefined;
  }

  it('while the limit on loads is reached', async () => {
    const world = await newLimitedWorld(1, 1);
    const { give, answer } = await holdMiss(world);
    expect(await isExecuted(world, of(0))).toBe(false);
    give('value');
    await answer;
    expect(await isExecuted(world, of(0))).toBe(true);
  });

  it('while the loads of other checks reach it', async () => {
    const world = await newLimitedWorld(2, 1);
    const held = await holdCheck(world, of(0));
    expect(await isExecuted(world, of(1))).toBe(false);
    held.give('value');
    await settled(world);
    expect(await isExecuted(world, of(1))).toBe(true);
  });
});

describe('the load of a check', () => {
  it.each<[string, FetchCall]>([
    ['a miss', miss],
    ['a bypass', { ...miss, mode: 'bypass' }],
    ['a miss of its own key', { ...of(0), mode: 'refresh' }],
  ])('does not delay %s', async (_, one) => {
    const world = await newLimitedWorld(2, 2);
    const checks = [await holdCheck(world, of(0)), await holdCheck(world, of(1))];
    const misses = [await holdMiss(world, one), await holdMiss(world, { ...miss, args: { n: 2 } })];
    expect(world.cache.bulkhead).toMatchObject({ running: 2, waiting: 0 });
    for (const { give } of [...checks, ...misses]) give('value');
    await Promise.all(misses.map(({ answer }) => answer));
  });

  it('that hangs delays none either', async () => {
    const world = await newLimitedWorld(1, 1);
    await holdCheck(world, of(0));
    world.clock.advance(60_000);
    expect(await world.fetch(miss)).toBe('value');
  });

  it('lets loads inside of it begin without a slot', async () => {
    const world = await newLimitedWorld(1, 1);
    const held = world.source.hold();
    const reload = async (): Promise<unknown> => [await world.fetch({ ...miss, args: { n: 1 } })];
    await world.fetch({ ...of(0), reload });
    await held.begun;
    expect(await world.fetch(miss)).toBe('value');
    held.give('value');
    await settled(world);
    expect(world.cache.bulkhead).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('the second load of a check', () => {
  async function newDifferingWorld(): Promise<World> {
    const world = await newLimitedWorld(1, 1);
    world.source.gives('new');
    await world.fetch(of(0));
    await settled(world);
    return world;
  }

  it('waits until the limit is not reached, behind all others', async () => {
    const world = await newDifferingWorld();
    const first = await holdMiss(world);
    const waiting = times(3, (n) => world.fetch({ ...miss, args: { n } }));
    await passGrace(world);
    expect(world.cache.bulkhead).toMatchObject({ running: 1, waiting: 3 });
    first.give('value');
    await Promise.all([first.answer, ...waiting]);
    expect(world.source.loads).toBe(6);
    world.clock.advance(1_000);
    await settled(world);
    expect(world.source.loads).toBe(7);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['different']);
  });

  it('is dropped after ten seconds', async () => {
    const world = await newDifferingWorld();
    await holdMiss(world);
    world.clock.advance(graceMs);
    for (const _ of times(10, Number)) {
      await settled(world);
      expect(resultsOf(world)).toEqual([]);
      world.clock.advance(1_000);
    }
    await settled(world);
    expect(resultsOf(world)).toEqual(['skipped']);
    expect(world.source.loads).toBe(3);
  });
});
