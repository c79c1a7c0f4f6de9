// When the circuit opens, which calls are not made while it is open, and how it closes.
import { describe, expect, it } from 'vitest';
import { CacheError } from '../../../src/cache/index.ts';
import { newFaultyWorld, type Health, type FaultyWorld } from './faulty-store.ts';
import { times, tick } from '../world.ts';

/** Opens the circuit with ten requests, one after the other, whose reads all fail. */
async function openCircuit({ fetch, faulty, trace }: FaultyWorld): Promise<void> {
  faulty.health = 'failing';
  for (const id of times(10, Number)) await fetch({ args: { id } });
  expect(trace.count('breaker-opened')).toBe(1);
  trace.take();
  faulty.calls.length = 0;
}

describe('the circuit breaker', () => {
  it('stays closed at 9 failures of 20 calls and opens at 10', async () => {
    const { cache, faulty, trace } = await newFaultyWorld();
    const call = async (health: Health): Promise<void> => {
      faulty.health = health;
      await cache.invalidate(['a']).catch(() => {});
    };
    const twenty: Health[] = times(20, (index) => (index % 2 === 0 && index < 18 ? 'failing' : 'well'));
    for (const health of [...twenty, ...twenty, ...twenty]) await call(health);
    expect(trace.count('store-failed')).toBe(27);
    await call('failing'); // replaces the oldest of the last 20 calls, which failed too
    expect(trace.count('breaker-opened')).toBe(0);
    await call('failing');
    expect(trace.count('breaker-opened')).toBe(1);
  });

  it('lets fetches make no call to the store while it is open, so that no request waits', async () => {
    const world = await newFaultyWorld();
    const { fetch, cache, faulty, trace } = world;
    await openCircuit(world);
    faulty.health = 'silent';
    expect(await Promise.all(times(50, (id) => fetch({ args: { id } })))).toEqual(times(50, () => 'value'));
    expect(await fetch({ mode: 'refresh' })).toBe('value');
    await expect(cache.usage()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(faulty.calls).toEqual([]);
    expect(trace.count('store-failed')).toBe(0);
  });

  it('does not prevent an invalidation or a flush: the store may be back before the next ping', async () => {
    const world = await newFaultyWorld();
    await openCircuit(world);
    world.faulty.health = 'well';
    await world.cache.invalidate(['products']);
    await world.cache.flush();
    expect(world.faulty.calls).toEqual(['dropTokens', 'dropTokens', 'clear']);
  });

  it('counts the failures of one round trip once, and emits one event for them', async () => {
    const { fetch, faulty, trace } = await newFaultyWorld();
    faulty.health = 'failing';
    const fetchFifty = (round: number): Promise<unknown> =>
      Promise.all(times(50, (id) => fetch({ args: { round, id }, tags: [`tag ${id}`] })));
    for (const round of times(9, Number)) await fetchFifty(round);
    expect([trace.count('store-failed'), trace.count('breaker-opened')]).toEqual([9, 0]);
    await fetchFifty(9);
    expect([trace.count('store-failed'), trace.count('breaker-opened')]).toEqual([10, 1]);
  });

  it('counts a round trip with a refusal and a failure as failed, and emits an event for each', async () => {
    const { fetch, faulty, trace } = await newFaultyWorld();
    faulty.onCall = () => (faulty.health = faulty.calls.length % 2 === 0 ? 'failing' : 'refusing');
    const rounds = times(10, (round) => () => Promise.all(times(4, (id) => fetch({ args: { round, id } }))));
    for (const round of rounds) await round();
    expect(trace.count('breaker-opened')).toBe(1);
    const firstTwo = trace.events.filter(({ type }) => type === 'store-failed').slice(0, 2);
    const codes = firstTwo.map((event) => 'error' in event && event.error instanceof CacheError);
    expect(codes).toEqual([true, false]);
  });

  it('stays closed if the store refuses calls', async () => {
    const { cache, faulty, fetch, trace } = await newFaultyWorld();
    await fetch({ args: { id: 'kept' } });
    faulty.health = 'refusing';
    for (const id of times(30, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(0);
    await expect(cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('pings every 250 ms until the store replies, and then closes', async () => {
    const world = await newFaultyWorld();
    const { fetch, clock, faulty, trace, source } = world;
    await openCircuit(world);
    for (const _ of times(3, Number)) {
      clock.advance(250);
      await tick();
    }
    expect(faulty.calls).toEqual(['ping', 'ping', 'ping']);
    expect(trace.text).toBe('');

    faulty.health = 'well';
    const closed = trace.next('breaker-closed');
    clock.advance(250);
    await closed;
    const loads = source.loads;
    await fetch();
    await fetch();
    expect(source.loads).toBe(loads + 1);
    expect(trace.text).toBe('breaker-closed load write miss hit');
    expect(clock.pending).toBe(0);
  });

  it('does not wait for a ping beyond its deadline', async () => {
    const world = await newFaultyWorld();
    const { clock, faulty, trace } = world;
    await openCircuit(world);
    faulty.health = 'silent';
    clock.advance(250);
    await tick();
    clock.advance(100);
    await tick();
    faulty.health = 'well';
    const closed = trace.next('breaker-closed');
    clock.advance(250);
    await closed;
    expect(faulty.calls).toEqual(['ping', 'ping']);
  });

  it('opens again only after another ten failures once it has closed', async () => {
    const world = await newFaultyWorld();
    const { fetch, clock, faulty, trace } = world;
    await openCircuit(world);
    faulty.health = 'well';
    const closed = trace.next('breaker-closed');
    clock.advance(250);
    await closed;
    faulty.health = 'failing';
    for (const id of times(9, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(0);
    await fetch();
    expect(trace.count('breaker-opened')).toBe(1);
  });

  it('opens once, although calls that began before it opened fail later', async () => {
    const world = await newFaultyWorld(['read']);
    const { fetch, clock, faulty, trace } = world;
    faulty.health = 'silent';
    const fetching: Promise<unknown>[] = [];
    for (const id of times(15, Number)) {
      fetching.push(fetch({ args: { id } }));
      await tick();
    }
    clock.advance(100);
    await Promise.all(fetching);
    expect(trace.count('breaker-opened')).toBe(1);
    expect(trace.count('store-failed')).toBe(15);
  });

  it.each(['is scheduled', 'is pending'])(
    'sends no more pings after the cache is closed while a ping %s',
    async (pingState) => {
      const world = await newFaultyWorld();
      const { cache, clock, faulty } = world;
      await openCircuit(world);
      if (pingState === 'is pending') clock.advance(250);
      await cache.close();
      await tick();
      expect(clock.pending).toBe(0);
      faulty.calls.length = 0;
      clock.advance(10_000);
      expect(faulty.calls).toEqual([]);
    },
  );

  it('sends no pings if it opens after the cache is closed', async () => {
    const { fetch, cache, clock, faulty } = await newFaultyWorld();
    await cache.close();
    faulty.health = 'failing';
    for (const id of times(10, Number)) await fetch({ args: { id } });
    expect(clock.pending).toBe(0);
  });
});
