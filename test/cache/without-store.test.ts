// Loads where the store is left alone: who comes before one begins has its value, and nobody waits for much more than that.
import { describe, expect, it } from 'vitest';
import { InFlightLoads } from '../../src/cache/in-flight.ts';
import { newSickWorld, type SickWorld } from './store/sick-store.ts';
import { TestClock, times, turn, type HeldLoad } from './world.ts';

/** A world whose breaker is open. */
async function newShutWorld(): Promise<SickWorld> {
  const world = await newSickWorld();
  world.sick.health = 'failing';
  for (const id of times(10, Number)) await world.fetch({ args: { id } });
  expect(world.trace.count('breaker-opened')).toBe(1);
  world.trace.take();
  world.source.loads = 0;
  return world;
}

/** Requests that come in turns of their own, each of which begins a load. */
async function sideBySide({ fetch, source }: SickWorld, count: number): Promise<HeldLoad[]> {
  const held = times(count, () => source.hold());
  for (const one of held) {
    fetch().catch(() => {});
    await one.begun;
  }
  return held;
}

describe('where the store is left alone', () => {
  it('those who come in one turn are given one load', async () => {
    const { outcome, source } = await newShutWorld();
    const seen = await Promise.all(times(50, () => outcome()));
    expect(seen.map(({ value }) => value)).toEqual(times(50, () => 'value'));
    expect(seen.map(({ state }) => state)).toEqual(['miss', ...times(49, () => 'shared')]);
    expect(source.loads).toBe(1);
  });

  it('a load that has begun is waited for by nobody who comes after that: he may know better', async () => {
    const world = await newShutWorld();
    const [old] = await sideBySide(world, 1);
    world.source.gives('new');
    expect(await world.fetch()).toBe('new');
    old?.give('old');
  });

  it('a load that began while the store was there is not waited for either', async () => {
    const { fetch, sick, source, trace } = await newSickWorld();
    const held = source.hold();
    const before = fetch();
    await held.begun;
    sick.health = 'failing';
    for (const id of times(10, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(1);
    expect(await fetch()).toBe('value');
    held.give('old');
    expect(await before).toBe('old');
  });

  it('a request that has seen it fail does not board either, though the others still do', async () => {
    const { fetch, sick, source } = await newSickWorld(['capture']);
    const request = {};
    sick.health = 'failing';
    await fetch({ request, field: 'Query.other' });
    sick.health = 'well';
    const held = source.hold();
    const first = fetch();
    await held.begun;
    sick.calls.length = 0;
    source.gives('new');
    expect(await fetch({ request })).toBe('new');
    expect(sick.calls).toEqual([]);
    held.give('old');
    await first;
  });

  it('eight load one key side by side, and who comes then goes with the next who lands, all together', async () => {
    const world = await newShutWorld();
    const { fetch, source } = world;
    const held = await sideBySide(world, 8);
    const waiting = times(20, () => fetch());
    await turn();
    const later = times(20, () => fetch());
    await turn();
    expect(source.loads).toBe(8);
    source.gives('new');
    held[3]?.give('old');
    expect(await Promise.all([...waiting, ...later])).toEqual(times(40, () => 'new'));
    expect(source.loads).toBe(9);
    expect(await fetch({ args: { other: 'key' } })).toBe('new');
    for (const one of held) one.give('old');
  });

  it('who comes when they have left goes with the one after that', async () => {
    const world = await newShutWorld();
    const { fetch, source } = world;
    const held = await sideBySide(world, 8);
    const next = source.hold();
    const waiting = fetch();
    await turn();
    held[0]?.give('old');
    await next.begun;
    const last = fetch();
    await turn();
    expect(source.loads).toBe(9);
    next.give('next');
    expect(await waiting).toBe('next');
    expect(await last).toBe('value');
    for (const one of held) one.give('old');
  });

  it('a key leaves no other one waiting', async () => {
    const world = await newShutWorld();
    const held = await sideBySide(world, 8);
    expect(await world.fetch({ args: { id: 'other' } })).toBe('value');
    for (const one of held) one.give('old');
  });

  it('they leave an eighth of a load apart, by what the last one took', async () => {
    const world = await newShutWorld();
    const { fetch, source, clock } = world;
    const [first] = await sideBySide(world, 1);
    clock.advance(50);
    const [second] = await sideBySide(world, 1);
    clock.advance(30);
    first?.give('80 ms');
    await turn();
    // The second began 30 ms ago: long enough.
    const third = source.hold();
    void fetch();
    await third.begun;
    const waiting = fetch();
    await turn();
    clock.advance(9);
    await turn();
    expect(source.loads).toBe(3);
    clock.advance(1);
    expect(await waiting).toBe('value');
    expect(source.loads).toBe(4);
    for (const one of [second, third]) one?.give('old');
  });

  it('one that took long holds up nobody once a shorter one has landed, or none runs', async () => {
    const world = await newShutWorld();
    const { fetch, source, clock } = world;
    const [long] = await sideBySide(world, 1);
    clock.advance(8_000);
    const [short] = await sideBySide(world, 1);
    long?.give('after 8 s');
    await turn();
    const waiting = fetch();
    await turn();
    expect(source.loads).toBe(2);
    short?.give('at once');
    expect(await waiting).toBe('value');
    expect(await fetch()).toBe('value');
    expect(clock.nowMs()).toBe(8_000);
    await world.cache.close();
    expect(clock.pending).toBe(0);
  });

  it('nor does it where it lands in the turn in which they come', async () => {
    const world = await newShutWorld();
    const { fetch, clock } = world;
    const [long] = await sideBySide(world, 1);
    clock.advance(8_000);
    const [short] = await sideBySide(world, 1);
    const waiting = fetch();
    short?.give('at once');
    long?.give('after 8 s');
    expect(await waiting).toBe('value');
  });

  it('who has to wait for a promise or two before he comes goes along, and who comes when the last one lands', async () => {
    const world = await newShutWorld();
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

  it('a key is forgotten when its loads have landed', async () => {
    const loads = new InFlightLoads<string>(new TestClock());
    await Promise.all(times(5, (id) => loads.startNext(`${id % 2}`, async () => 'value')));
    expect(loads.size).toBe(0);
  });

  it('nobody waits for more than ten seconds for loads that hang, and no timer is left behind by those that do not', async () => {
    const world = await newShutWorld();
    const { fetch, source, clock } = world;
    const held = await sideBySide(world, 8);
    const waiting = times(3, () => fetch());
    await turn();
    clock.advance(9_999);
    await turn();
    expect(source.loads).toBe(8);
    const ninth = source.hold();
    clock.advance(1);
    await ninth.begun;
    for (const one of held) one.give('late');
    await turn();
    const more = times(7, () => source.hold());
    for (const { begun } of more) {
      void fetch();
      await turn();
      clock.advance(10_000 / 8);
      await begun;
    }
    void fetch();
    await turn();
    expect(source.loads).toBe(8 + 1 + 7);
    ninth.give('value');
    expect(await Promise.all(waiting)).toEqual(times(3, () => 'value'));
    for (const one of more) one.give('value');
    await world.cache.close();
    await turn();
    expect(clock.pending).toBe(0);
  });
});

describe('where the store is left alone, who goes with another', () => {
  it('is not called off with him', async () => {
    const { fetch, source } = await newShutWorld();
    const held = source.hold();
    const seen = times(5, () => fetch());
    await held.begun;
    const abort = new DOMException('gone', 'AbortError');
    held.fail(abort);
    await expect(seen[0]).rejects.toBe(abort);
    expect(await Promise.all(seen.slice(1))).toEqual(times(4, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('is not called off either where that happens twice', async () => {
    const { fetch, source } = await newShutWorld();
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

  it('shares his failure', async () => {
    const { fetch, source } = await newShutWorld();
    const held = source.hold();
    const seen = times(3, () => fetch());
    await held.begun;
    held.fail(new Error('no rows'));
    for (const { status } of await Promise.allSettled(seen)) expect(status).toBe('rejected');
    expect(source.loads).toBe(1);
    expect(await fetch()).toBe('value');
  });

  it('is not given what was loaded for that one alone', async () => {
    const { fetch, source } = await newShutWorld();
    const mine = (viewer: string) => ({
      load: async (): Promise<string> => {
        source.loads += 1;
        await fetch({ field: 'Query.me', viewer, load: () => viewer });
        return `for ${viewer}`;
      },
    });
    const viewers = ['ann', 'bob', 'cleo'];
    expect(await Promise.all(viewers.map((viewer) => fetch(mine(viewer))))).toEqual(viewers.map((who) => `for ${who}`));
    expect(source.loads).toBe(3);
  });

  it('has a copy of his own', async () => {
    const { fetch, source } = await newShutWorld();
    source.gives({ id: 1 });
    const [one, two] = await Promise.all([fetch(), fetch()]);
    expect(one).toEqual(two);
    expect(one).not.toBe(two);
  });

  it('hears of a circle, and waits for nobody', async () => {
    const { fetch } = await newShutWorld();
    const a = (): Promise<unknown> => fetch({ field: 'Query.a', load: b });
    const b = (): Promise<unknown> => fetch({ field: 'Query.b', load: a });
    for (const outcome of await Promise.allSettled([a(), b(), a(), b()])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CIRCULAR_LOAD' } });
    }
  });
});
