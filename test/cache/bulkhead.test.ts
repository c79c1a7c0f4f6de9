// At most so many loads run at once.
import { describe, expect, it } from 'vitest';
import { newWorld, settled, times, withResolvers, type FetchCall, type World } from './world.ts';

const call = (id: number, options: FetchCall = {}): FetchCall => ({ args: { id }, tags: ['products'], ...options });

it('further loads wait in order of arrival, and hits do not wait', async () => {
  const { fetch, source, outcome, callsPending } = await newWorld('memory', { loadsAtOnceMax: 2 });
  await fetch(call(0));
  const held = times(3, () => source.hold());
  const order: number[] = [];
  const requests = times(4, async (index) => {
    await fetch(call(index + 1));
    order.push(index + 1);
  });
  await held[0]?.begun;
  await held[1]?.begun;
  await settled({ callsPending });
  expect(source.loads).toBe(3);
  expect(await outcome(call(0))).toMatchObject({ state: 'hit' });
  held[1]?.give('value');
  await held[2]?.begun;
  expect(source.loads).toBe(4);
  held[2]?.give('value');
  held[0]?.give('value');
  await Promise.all(requests);
  expect(new Set(order)).toEqual(new Set([1, 2, 3, 4]));
  expect(order[0]).toBe(2);
});

it('a load that fails, or bypasses the cache, gives its slot to the next one', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const { fetch, source } = world;
  const [first, second] = [source.hold(), source.hold()];
  const requests = [fetch(call(1)), fetch(call(2, { mode: 'bypass' })), fetch(call(3))];
  for (const request of requests) request.catch(() => {});
  await first.begun;
  await settled(world);
  expect(source.loads).toBe(1);
  first.fail(new Error('down'));
  await second.begun;
  expect(source.loads).toBe(2);
  second.give('value');
  await expect(requests[1]).rejects.toThrow('down'); // it asks no store, so it is the first
  expect(await requests[0]).toBe('value');
  expect(await requests[2]).toBe('value');
});

it('loads inside of loads do not wait for a slot', async () => {
  const { fetch } = await newWorld('memory', { loadsAtOnceMax: 1 });
  const outer = {
    field: 'Query.outer',
    load: async () => [await fetch(call(1)), await fetch(call(2, { mode: 'bypass' }))],
  };
  expect(await fetch(outer)).toEqual(['value', 'value']);
});

it('nor if the outer load bypasses the cache', async () => {
  const { fetch } = await newWorld('memory', { loadsAtOnceMax: 1 });
  expect(await fetch({ field: 'Query.outer', mode: 'bypass', load: () => fetch(call(1)) })).toBe('value');
});

describe('nor for a load that waits for a slot itself', () => {
  /** Takes the only slot by a load in which `call(1)` is fetched, once `goOn` is called. */
  async function takeSlot({ fetch }: World): Promise<{ outer: Promise<unknown>; goOn: () => void }> {
    const [begun, gate] = [withResolvers<void>(), withResolvers<void>()];
    const load = async (): Promise<unknown> => {
      begun.resolve();
      await gate.promise;
      return [await fetch(call(1))];
    };
    const outer = fetch({ field: 'Query.outer', load });
    await begun.promise;
    return { outer, goOn: gate.resolve };
  }

  it.each([
    ['and has waited for a while', { isStoreAway: false, since: 'a while' }],
    ['and has waited for a while, while the store is away', { isStoreAway: true, since: 'a while' }],
    ['and has waited since this tick, while the store is away', { isStoreAway: true, since: 'this tick' }],
  ])('%s', async (_title, { isStoreAway, since }) => {
    const world = await newWorld('memory', { loadsAtOnceMax: 1 });
    world.cache.suspend(world, isStoreAway);
    const { outer, goOn } = await takeSlot(world);
    const waiting = world.fetch(call(1));
    if (since === 'a while') await settled(world);
    goOn();
    expect(await outer).toEqual(['value']);
    expect(await waiting).toBe('value');
    expect(world.source.loads).toBe(1);
  });
});

it('requests for a value that is loaded meanwhile do not go on waiting', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const [first, second] = [world.source.hold(), world.source.hold()];
  const running = world.fetch(call(1));
  await first.begun;
  const same = times(20, () => world.fetch(call(2)));
  const other = world.fetch(call(3));
  await settled(world);
  expect(world.cache.bulkhead).toMatchObject({ running: 1, waiting: 2 });
  first.give('value');
  await second.begun;
  second.give('value');
  await Promise.all([running, ...same, other]);
  expect(world.source.loads).toBe(3);
  expect(world.cache.bulkhead).toMatchObject({ running: 0, waiting: 0 });
});

it('requests that join a load do not give up while it waits for its slot', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const held = world.source.hold();
  const running = world.fetch(call(1));
  await held.begun;
  const same = Promise.all(times(20, () => world.fetch(call(2))));
  await settled(world);
  world.clock.advance(10_000);
  expect(await same).toEqual(times(20, () => 'value'));
  held.give('value');
  await running;
  expect(world.source.loads).toBe(2);
});

it('if no slot becomes free for ten seconds, others begin: a load that has a slot may wait for one of them', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const [begun, gate] = [withResolvers<void>(), withResolvers<void>()];
  let shared: Promise<unknown> | undefined;
  const load = async (): Promise<unknown> => {
    begun.resolve();
    await gate.promise;
    return [await shared];
  };
  const outer = world.fetch({ field: 'Query.outer', load });
  await begun.promise;
  shared = world.fetch(call(1)); // begun outside of the load, which waits for it
  await settled(world);
  gate.resolve();
  world.clock.advance(9_999);
  await settled(world);
  expect(world.source.loads).toBe(0);
  world.clock.advance(1);
  expect(await outer).toEqual(['value']);
});

it('a load keeps its slot until it ends, even if requests no longer wait for it', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const first = world.source.hold();
  const timedOut = world.fetch(call(1, { timeout: '1s' }));
  timedOut.catch(() => {});
  await first.begun;
  world.clock.advance(1_000);
  await expect(timedOut).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' });
  const next = world.fetch(call(2));
  await settled(world);
  expect(world.source.loads).toBe(1);
  first.give('late');
  expect(await next).toBe('value');
});

it('but for half a minute at most', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const held = world.source.hold();
  const first = world.fetch(call(1));
  await held.begun;
  world.clock.advance(29_999);
  const next = world.fetch(call(2));
  await settled(world);
  expect(world.source.loads).toBe(1);
  world.clock.advance(1);
  expect(await next).toBe('value');
  held.give('value');
  await first;
});

it('while loads end, no more of them run at once, however long others wait', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 2 });
  const held = times(60, () => world.source.hold());
  const requests = Promise.all(times(60, (id) => world.fetch(call(id))));
  for (const [index, { begun, give }] of held.entries()) {
    await begun;
    await settled(world);
    expect(world.source.loads).toBe(Math.min(60, index + 2));
    world.clock.advance(9_000);
    give('value');
  }
  expect(await requests).toHaveLength(60);
});

it('while the source hangs, no more than that begin every ten seconds', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 4 });
  const held = times(100, () => world.source.hold());
  const requests = Promise.all(times(100, (id) => world.fetch(call(id))));
  const begun: number[] = [];
  for (const _ of times(5, Number)) {
    await settled(world);
    begun.push(world.source.loads);
    world.clock.advance(9_999);
    await settled(world);
    expect(world.source.loads).toBe(begun.at(-1));
    world.clock.advance(1);
  }
  expect(begun).toEqual([4, 8, 12, 16, 20]);
  for (const { give } of held) give('value'); // it is back
  expect(await requests).toHaveLength(100);
  expect(world.cache.bulkhead).toMatchObject({ running: 0, waiting: 0 });
  expect(await world.fetch(call(100))).toBe('value');
});

it('a load that waits for a slot holds no lease, so that another process may load', async () => {
  const one = await newWorld('redis', { loadsAtOnceMax: 1 });
  const two = await newWorld('redis', { namespace: one.namespace });
  const held = one.source.hold();
  const first = one.fetch(call(1));
  await held.begun;
  const waiting = one.outcome(call(2));
  await settled(one);
  expect(await two.outcome(call(2))).toMatchObject({ state: 'miss', dependency: { stamps: expect.anything() } });
  held.give('value');
  await first;
  expect(await waiting).toMatchObject({ state: 'shared' }); // of the other process
});

it('a request that waits for a slot, and then finds its value loading, gives the slot to another one', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 2 });
  const held = times(3, () => world.source.hold());
  const first = [world.fetch(call(1)), world.fetch(call(2))];
  await held[1]?.begun;
  const same = [world.fetch(call(3)), world.fetch(call(3))];
  const other = world.fetch(call(4));
  await settled(world);
  held[0]?.give('value');
  held[1]?.give('value');
  await held[2]?.begun;
  expect(await other).toBe('value');
  held[2]?.give('value');
  await Promise.all([...first, ...same]);
});

it('a load in the background that finds no slot in ten seconds does not begin', async () => {
  const stale: FetchCall = { ...call(1), ttl: '10m', stale: '1h', early: false };
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  await world.fetch(stale);
  world.clock.advance(600_001);
  const held = world.source.hold();
  const first = world.fetch(call(2));
  await held.begun;
  expect(await world.outcome(stale)).toMatchObject({ state: 'stale' });
  await settled(world);
  world.clock.advance(10_000);
  await settled(world);
  held.give('value');
  await first;
  expect(world.source.loads).toBe(2);
  expect(world.trace.count('background-failed')).toBe(0);
  expect(await world.outcome(stale)).toMatchObject({ state: 'stale' }); // which begins another one
  await settled(world);
  expect(world.source.loads).toBe(3);
});

it('a load in the background does not begin while the source hangs', async () => {
  const stale: FetchCall = { ...call(1), ttl: '10m', stale: '1h', early: false };
  const world = await newWorld('memory', { loadsAtOnceMax: 2 });
  await world.fetch(stale);
  world.clock.advance(600_001);
  const held = times(2, () => world.source.hold());
  const requests = [2, 3, 4].map((id) => world.fetch(call(id)));
  await held[1]?.begun;
  await settled(world);
  world.clock.advance(5_000);
  expect(await world.outcome(stale)).toMatchObject({ state: 'stale' });
  await settled(world);
  expect(world.cache.bulkhead).toMatchObject({ running: 2, waiting: 2 });
  world.clock.advance(5_000);
  await settled(world);
  expect(world.source.loads).toBe(4); // without that of the stale value
  for (const { give } of held) give('value');
  await Promise.all(requests);
});

it('nor if only loads in the background wait', async () => {
  const stale = (id: number): FetchCall => ({ ...call(id), ttl: '10m', stale: '1h', early: false });
  const world = await newWorld('memory', { loadsAtOnceMax: 2 });
  for (const id of [1, 2]) await world.fetch(stale(id));
  world.clock.advance(600_001);
  const held = times(2, () => world.source.hold());
  const requests = [3, 4].map((id) => world.fetch(call(id)));
  await held[1]?.begun;
  for (const _ of times(29, Number)) {
    for (const id of [1, 2]) expect(await world.outcome(stale(id))).toMatchObject({ state: 'stale' });
    await settled(world);
    world.clock.advance(1_000);
  }
  expect(world.source.loads).toBe(4);
  expect(world.cache.bulkhead).toMatchObject({ running: 2 });
  for (const { give } of held) give('value');
  await Promise.all(requests);
});

it('while the source hangs, no more loads begin than wait', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 4 });
  const held = times(5, () => world.source.hold());
  const requests = times(5, (id) => world.fetch(call(id)));
  await held[3]?.begun;
  await settled(world);
  world.clock.advance(10_000);
  await held[4]?.begun;
  const next = world.fetch(call(5));
  await settled(world);
  expect(world.source.loads).toBe(5);
  for (const { give } of held) give('value');
  await Promise.all([...requests, next]);
});

it('without the store, requests for one key wait for one slot', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  world.cache.suspend(world, true);
  const held = world.source.hold();
  const first = world.fetch(call(1));
  await held.begun;
  const others = times(20, async () => world.fetch(call(2)));
  for (const _ of others) {
    await settled(world);
    world.clock.advance(10);
  }
  expect(world.source.loads).toBe(1);
  held.give('value');
  await first;
  await Promise.all(others);
  expect(world.source.loads).toBe(2);
});

it('a closed cache lets waiting loads go ahead', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const held = world.source.hold();
  const first = world.fetch(call(1));
  await held.begun;
  const waiting = world.fetch(call(2));
  await settled(world);
  const closing = world.cache.close();
  expect(await waiting).toBe('value');
  held.give('value');
  await first;
  await closing;
});

it.each([0, -1, 1.5, Number.NaN, '8'])('%j is no number of loads', async (loadsAtOnceMax) => {
  await expect(newWorld('memory', { loadsAtOnceMax: loadsAtOnceMax as number })).rejects.toThrow(
    'createCache: loadsAtOnceMax must be a whole number, at least 1, got',
  );
});
