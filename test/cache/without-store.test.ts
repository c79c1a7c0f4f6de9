// Loads without the store: requests share the next load of their key, and wait for little more than one load.
import { describe, expect, it } from 'vitest';
import { InFlightLoads } from '../../src/cache/in-flight.ts';
import { newFaultyWorld, type FaultyWorld } from './store/faulty-store.ts';
import { TestClock, times, tick, type HeldLoad } from './world.ts';

/** A world whose circuit breaker is open. */
async function newBypassedWorld(): Promise<FaultyWorld> {
  const world = await newFaultyWorld();
  world.faulty.health = 'failing';
  for (const id of times(10, Number)) await world.fetch({ args: { id } });
  expect(world.trace.count('breaker-opened')).toBe(1);
  world.trace.take();
  world.source.loads = 0;
  return world;
}

/** Begins `count` loads of one key, each for a request that arrives in a tick of its own. */
async function sideBySide({ fetch, source }: FaultyWorld, count: number): Promise<HeldLoad[]> {
  const held = times(count, () => source.hold());
  for (const one of held) {
    fetch().catch(() => {});
    await one.begun;
  }
  return held;
}

describe('while the store is bypassed, the engine', () => {
  it('shares one load among the requests of one tick', async () => {
    const { outcome, source } = await newBypassedWorld();
    const seen = await Promise.all(times(50, () => outcome()));
    expect(seen.map(({ value }) => value)).toEqual(times(50, () => 'value'));
    expect(seen.map(({ state }) => state)).toEqual(['miss', ...times(49, () => 'shared')]);
    expect(source.loads).toBe(1);
  });

  it('does not share a running load with later requests, which may know of a newer value', async () => {
    const world = await newBypassedWorld();
    const [old] = await sideBySide(world, 1);
    world.source.gives('new');
    expect(await world.fetch()).toBe('new');
    old?.give('old');
  });

  it('does not share a load that began before the circuit opened either', async () => {
    const { fetch, faulty: faultyStore, source, trace } = await newFaultyWorld();
    const held = source.hold();
    const before = fetch();
    await held.begun;
    faultyStore.health = 'failing';
    for (const id of times(10, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(1);
    expect(await fetch()).toBe('value');
    held.give('old');
    expect(await before).toBe('old');
  });

  it('does not share a running load with a request whose own store call has failed', async () => {
    const { fetch, faulty: faultyStore, source } = await newFaultyWorld(['capture']);
    const request = {};
    faultyStore.health = 'failing';
    await fetch({ request, field: 'Query.other' });
    faultyStore.health = 'well';
    const held = source.hold();
    const first = fetch();
    await held.begun;
    faultyStore.calls.length = 0;
    source.gives('new');
    expect(await fetch({ request })).toBe('new');
    expect(faultyStore.calls).toEqual([]);
    held.give('old');
    await first;
  });

  it('runs eight loads of a key at once; later requests share the next, which begins when one ends', async () => {
    const world = await newBypassedWorld();
    const { fetch, source } = world;
    const held = await sideBySide(world, 8);
    const waiting = times(20, () => fetch());
    await tick();
    const later = times(20, () => fetch());
    await tick();
    expect(source.loads).toBe(8);
    source.gives('new');
    held[3]?.give('old');
    expect(await Promise.all([...waiting, ...later])).toEqual(times(40, () => 'new'));
    expect(source.loads).toBe(9);
    expect(await fetch({ args: { other: 'key' } })).toBe('new');
    for (const one of held) one.give('old');
  });

  it('lets requests that arrive once the next load has begun share the one after it', async () => {
    const world = await newBypassedWorld();
    const { fetch, source } = world;
    const held = await sideBySide(world, 8);
    const next = source.hold();
    const waiting = fetch();
    await tick();
    held[0]?.give('old');
    await next.begun;
    const last = fetch();
    await tick();
    expect(source.loads).toBe(9);
    next.give('next');
    expect(await waiting).toBe('next');
    expect(await last).toBe('value');
    for (const one of held) one.give('old');
  });

  it('does not delay a load of another key', async () => {
    const world = await newBypassedWorld();
    const held = await sideBySide(world, 8);
    expect(await world.fetch({ args: { id: 'other' } })).toBe('value');
    for (const one of held) one.give('old');
  });

  it('begins loads at intervals of an eighth of the last load time', async () => {
    const world = await newBypassedWorld();
    const { fetch, source, clock } = world;
    const [first] = await sideBySide(world, 1);
    clock.advance(50);
    const [second] = await sideBySide(world, 1);
    clock.advance(30);
    first?.give('80 ms');
    await tick();
    // The second began 30 ms ago, more than an eighth of 80 ms.
    const third = source.hold();
    void fetch();
    await third.begun;
    const waiting = fetch();
    await tick();
    clock.advance(9);
    await tick();
    expect(source.loads).toBe(3);
    clock.advance(1);
    expect(await waiting).toBe('value');
    expect(source.loads).toBe(4);
    for (const one of [second, third]) one?.give('old');
  });

  it('does not delay requests after a long load once a shorter one has ended, or none is running', async () => {
    const world = await newBypassedWorld();
    const { fetch, source, clock } = world;
    const [long] = await sideBySide(world, 1);
    clock.advance(8_000);
    const [short] = await sideBySide(world, 1);
    long?.give('after 8 s');
    await tick();
    const waiting = fetch();
    await tick();
    expect(source.loads).toBe(2);
    short?.give('at once');
    expect(await waiting).toBe('value');
    expect(await fetch()).toBe('value');
    expect(clock.nowMs()).toBe(8_000);
    await world.cache.close();
    expect(clock.pending).toBe(0);
  });

  it('does not delay requests by a long load that ends in the tick of their arrival', async () => {
    const world = await newBypassedWorld();
    const { fetch, clock } = world;
    const [long] = await sideBySide(world, 1);
    clock.advance(8_000);
    const [short] = await sideBySide(world, 1);
    const waiting = fetch();
    short?.give('at once');
    long?.give('after 8 s');
    expect(await waiting).toBe('value');
  });

  it('shares a load with requests that arrive some microtasks later in the same tick', async () => {
    const world = await newBypassedWorld();
    const { fetch, source } = world;
    const [first] = await sideBySide(world, 1);
    const one = fetch();
    for (const _ of times(3, Number)) await Promise.resolve();
    const two = fetch();
    first?.give('old');
    for (const _ of times(9, Number)) await Promise.resolve();
    const three = fetch();
    expect(await Promise.all([one, two, three])).toEqual(times(3, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('forgets a key when its loads have ended', async () => {
    const loads = new InFlightLoads<string>(new TestClock());
    await Promise.all(times(5, (id) => loads.startNext(`${id % 2}`, async () => 'value')));
    expect(loads.size).toBe(0);
  });

  it('waits at most ten seconds for loads that hang, and leaves no timer behind', async () => {
    const world = await newBypassedWorld();
    const { fetch, source, clock } = world;
    const held = await sideBySide(world, 8);
    const waiting = times(3, () => fetch());
    await tick();
    clock.advance(9_999);
    await tick();
    expect(source.loads).toBe(8);
    const ninth = source.hold();
    clock.advance(1);
    await ninth.begun;
    for (const one of held) one.give('late');
    await tick();
    const more = times(7, () => source.hold());
    for (const { begun } of more) {
      void fetch();
      await tick();
      clock.advance(10_000 / 8);
      await begun;
    }
    void fetch();
    await tick();
    expect(source.loads).toBe(8 + 1 + 7);
    ninth.give('value');
    expect(await Promise.all(waiting)).toEqual(times(3, () => 'value'));
    for (const one of more) one.give('value');
    await world.cache.close();
    await tick();
    expect(clock.pending).toBe(0);
  });
});

describe('while the store is bypassed, a request that shares a load', () => {
  it('does not fail if the request that began the load is aborted', async () => {
    const { fetch, source } = await newBypassedWorld();
    const held = source.hold();
    const seen = times(5, () => fetch());
    await held.begun;
    const abort = new DOMException('gone', 'AbortError');
    held.fail(abort);
    await expect(seen[0]).rejects.toBe(abort);
    expect(await Promise.all(seen.slice(1))).toEqual(times(4, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('does not fail if two loads in a row are aborted', async () => {
    const { fetch, source } = await newBypassedWorld();
    const [one, two] = [source.hold(), source.hold()];
    const seen = Promise.allSettled(times(4, () => fetch()));
    await one.begun;
    one.fail(new DOMException('gone', 'AbortError'));
    await two.begun;
    two.fail(new DOMException('gone', 'AbortError'));
    const settled = await seen;
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
    expect(source.loads).toBe(3);
  });

  it('shares the failure of the load', async () => {
    const { fetch, source } = await newBypassedWorld();
    const held = source.hold();
    const seen = times(3, () => fetch());
    await held.begun;
    held.fail(new Error('no rows'));
    for (const { status } of await Promise.allSettled(seen)) expect(status).toBe('rejected');
    expect(source.loads).toBe(1);
    expect(await fetch()).toBe('value');
  });

  it('does not receive a value that was loaded for another viewer', async () => {
    const { fetch, source } = await newBypassedWorld();
    const personal = (viewer: string) => ({
      load: async (): Promise<string> => {
        source.loads += 1;
        await fetch({ field: 'Query.me', viewer, load: () => viewer });
        return `for ${viewer}`;
      },
    });
    const viewers = ['ann', 'bob', 'cleo'];
    expect(await Promise.all(viewers.map((viewer) => fetch(personal(viewer))))).toEqual(
      viewers.map((viewer) => `for ${viewer}`),
    );
    expect(source.loads).toBe(3);
  });

  it('receives a copy of its own', async () => {
    const { fetch, source } = await newBypassedWorld();
    source.gives({ id: 1 });
    const [one, two] = await Promise.all([fetch(), fetch()]);
    expect(one).toEqual(two);
    expect(one).not.toBe(two);
  });

  it('is rejected with CIRCULAR_LOAD if the loads form a cycle', async () => {
    const { fetch } = await newBypassedWorld();
    const a = (): Promise<unknown> => fetch({ field: 'Query.a', load: b });
    const b = (): Promise<unknown> => fetch({ field: 'Query.b', load: a });
    for (const outcome of await Promise.allSettled([a(), b(), a(), b()])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CIRCULAR_LOAD' } });
    }
  });
});
