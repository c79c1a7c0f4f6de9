// `cache.warm` runs what fills the cache: a few tasks at a time, for a limited time, and only while the store takes values.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { WarmUpOptions, WarmUpTask } from '../../src/cache/index.ts';
import { newFaultyWorld } from './store/faulty-store.ts';
import { advanceUntil, newWorld, settled, tiers, times, type FetchCall, type World } from './world.ts';

const call = (id: number): FetchCall => ({ args: { id }, tags: ['products'] });
const tasksOf = ({ fetch }: World, count: number): WarmUpTask[] => times(count, (id) => () => fetch(call(id)));
/** The tasks begin without pauses. */
const atAnyRate = { perSecondMax: Infinity };

describe.each(tiers)('with the %s store', (tier) => {
  it('loads what is missing and reads what exists', async () => {
    const world = await newWorld(tier);
    await world.fetch(call(1));
    const result = await world.cache.warm(tasksOf(world, 3), atAnyRate);
    expect(result).toMatchObject({ succeeded: 3, failures: [], unfinished: 0, endedBy: 'completion' });
    expect(world.source.loads).toBe(3);
    expect(await world.outcome(call(2))).toMatchObject({ state: 'hit' });
  });
});

it('loads each value once for all processes that warm up at once', async () => {
  const first = await newWorld('redis');
  const { namespace, clock } = first;
  const worlds = [first, await newWorld('redis', { namespace, clock }), await newWorld('redis', { namespace, clock })];
  const results = worlds.map((world) => world.cache.warm(tasksOf(world, 8), atAnyRate));
  const state = { isDone: false };
  const all = Promise.all(results).finally(() => (state.isDone = true));
  await advanceUntil(clock, 10, () => state.isDone); // a fetch that waits for a lease asks again from time to time
  for (const result of await all) expect(result).toMatchObject({ succeeded: 8, unfinished: 0 });
  expect(worlds.reduce((sum, { source }) => sum + source.loads, 0)).toBe(8);
});

it('runs four tasks at once, or as many as it is told', async () => {
  const world = await newWorld();
  const held = times(3, () => world.source.hold());
  const warm = world.cache.warm(tasksOf(world, 3), { atOnceMax: 2, ...atAnyRate });
  await held[1]?.begun;
  await settled(world);
  expect(world.source.loads).toBe(2);
  held[0]?.give('value');
  await held[2]?.begun;
  held[1]?.give('value');
  held[2]?.give('value');
  expect(await warm).toMatchObject({ succeeded: 3 });

  const four = times(5, () => world.source.hold());
  const others = world.cache.warm(
    times(5, (id) => () => world.fetch(call(10 + id))),
    atAnyRate,
  );
  await four[3]?.begun;
  await settled(world);
  expect(world.source.loads).toBe(3 + 4);
  for (const { give } of four) give('value');
  expect(await others).toMatchObject({ succeeded: 5 });
});

it('begins as many tasks per second as it may', async () => {
  const world = await newWorld();
  const warm = world.cache.warm(tasksOf(world, 3), { perSecondMax: 10, atOnceMax: 3 });
  await settled(world);
  expect(world.source.loads).toBe(1);
  world.clock.advance(99);
  await settled(world);
  expect(world.source.loads).toBe(1);
  world.clock.advance(1);
  await settled(world);
  expect(world.source.loads).toBe(2);
  world.clock.advance(100);
  expect(await warm).toMatchObject({ succeeded: 3, durationMs: 200 });
});

it('ends after its time, while a task still runs and others wait', async () => {
  const world = await newWorld();
  const held = world.source.hold();
  const warm = world.cache.warm(tasksOf(world, 3), { atOnceMax: 1, timeoutMs: 5_000, ...atAnyRate });
  await held.begun;
  world.clock.advance(5_000);
  expect(await warm).toMatchObject({ succeeded: 0, unfinished: 3, endedBy: 'timeout', durationMs: 5_000 });
  held.give('value');
  await settled(world);
  expect(world.source.loads).toBe(1); // the others did not begin
  expect(await world.outcome(call(0))).toMatchObject({ state: 'hit' }); // what was running is stored
});

it('leaves no timer behind', async () => {
  const world = await newWorld();
  const before = world.clock.pending;
  await world.cache.warm(tasksOf(world, 3), atAnyRate);
  expect(world.clock.pending).toBe(before);
});

it('a task that fails is reported, and does not end it', async () => {
  const world = await newWorld();
  const broken = new Error('broken');
  const tasks = [
    () => {
      throw broken;
    },
    () => Promise.reject(broken),
    ...tasksOf(world, 2),
  ];
  expect(await world.cache.warm(tasks, atAnyRate)).toMatchObject({
    succeeded: 2,
    failures: tasks.slice(0, 2).map((task) => ({ task, error: broken })),
  });
});

it('does not load while the store cannot be reached, or takes no values', async () => {
  const world = await newWorld();
  world.cache.suspend(world, true);
  expect(await world.cache.warm(tasksOf(world, 3), atAnyRate)).toMatchObject({
    succeeded: 0,
    unfinished: 3,
    endedBy: 'store',
  });
  expect(world.source.loads).toBe(0);
  world.cache.suspend(world, false);
  expect(await world.cache.warm(tasksOf(world, 3), atAnyRate)).toMatchObject({ succeeded: 3 });

  const full = await newFaultyWorld(['capture', 'acquire', 'fill', 'write']);
  full.faulty.health = 'full';
  const result = await full.cache.warm(tasksOf(full, 5), { atOnceMax: 1, ...atAnyRate });
  expect(result).toMatchObject({ succeeded: 1, unfinished: 4, endedBy: 'store' });
  expect(full.source.loads).toBe(1);
});

it('says so if the store cannot be reached before or after the tasks', async () => {
  const failing = await newFaultyWorld();
  failing.faulty.health = 'failing';
  const result = await failing.cache.warm(tasksOf(failing, 3), atAnyRate);
  expect(result).toMatchObject({ succeeded: 0, unfinished: 3, endedBy: 'store' });
  expect(failing.source.loads).toBe(0);
  failing.faulty.health = 'well';
  const task = async (): Promise<void> => {
    await failing.fetch(call(1));
    failing.faulty.health = 'failing';
  };
  expect(await failing.cache.warm([task], atAnyRate)).toMatchObject({ succeeded: 1, endedBy: 'store' });
});

it('begins nothing after the cache is closed', async () => {
  const world = await newWorld();
  const held = world.source.hold();
  const warm = world.cache.warm(tasksOf(world, 3), { atOnceMax: 1, ...atAnyRate });
  await held.begun;
  const closing = world.cache.close();
  held.give('value');
  await closing;
  expect(await warm).toMatchObject({ unfinished: 2, endedBy: 'close' });
});

it('inside of a load, what it fetches does not belong to that load', async () => {
  const world = await newWorld();
  const load = async (): Promise<string> => {
    await world.cache.warm([() => world.fetch({ ...call(1), viewer: 7 })], atAnyRate);
    return 'outer';
  };
  expect(await world.outcome({ field: 'Query.outer', load })).toMatchObject({ state: 'miss' });
  expect(await world.outcome({ field: 'Query.outer', load })).toMatchObject({ state: 'hit' });
});

it.each([
  [undefined, {}, 'warm: the tasks must be a list of functions, got undefined'],
  [['task'], {}, 'warm: the tasks must be a list of functions, got a list with something else in it'],
  [[], { atOnceMax: 0 }, 'warm: atOnceMax must be a whole number, at least 1, got 0'],
  [[], { perSecondMax: -1 }, 'warm: perSecondMax must be a number above 0, or Infinity, got -1'],
  [
    [],
    { timeoutMs: Infinity },
    'warm: timeoutMs must be a number of milliseconds above 0, at most 86400000, got Infinity',
  ],
  [[], { timeout: 5 }, 'warm: unknown option "timeout"; it has atOnceMax, perSecondMax, timeoutMs'],
])('rejects %j with %j', async (tasks, options, message) => {
  const { cache } = await newWorld();
  await expect(cache.warm(tasks as WarmUpTask[], options as WarmUpOptions)).rejects.toThrow(message);
});

it('keeps a program alive that has nothing else to do', async () => {
  const program = `
    import { createCache, createMemoryStore } from ${JSON.stringify(new URL('../../dist/src/cache/index.js', import.meta.url).href)};
    const cache = createCache({ store: createMemoryStore({ namespace: 'alive' }) });
    console.log((await cache.warm([() => 1, () => 2, () => 3], { perSecondMax: 100 })).succeeded);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  expect(stdout).toBe('3\n');
});
