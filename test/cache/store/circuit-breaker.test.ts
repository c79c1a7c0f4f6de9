// When the breaker opens, what it spares, and how it closes.
import { describe, expect, it } from 'vitest';
import { CacheError } from '../../../src/cache/index.ts';
import { newSickWorld, type Health, type SickWorld } from './sick-store.ts';
import { times, turn } from '../world.ts';

/** Ten requests, one after the other, each of which fails its read: what opens the breaker. */
async function open({ fetch, sick, trace }: SickWorld): Promise<void> {
  sick.health = 'failing';
  for (const id of times(10, Number)) await fetch({ args: { id } });
  expect(trace.count('breaker-opened')).toBe(1);
  trace.take();
  sick.calls.length = 0;
}

describe('the breaker', () => {
  it('stays closed at 9 failures of 20 calls and opens at 10', async () => {
    const { cache, sick, trace } = await newSickWorld();
    const call = async (health: Health): Promise<void> => {
      sick.health = health;
      await cache.invalidate(['a']).catch(() => {});
    };
    const twenty: Health[] = times(20, (index) => (index % 2 === 0 && index < 18 ? 'failing' : 'well'));
    for (const health of [...twenty, ...twenty, ...twenty]) await call(health);
    expect(trace.count('store-failed')).toBe(27);
    await call('failing'); // in the place of one
    expect(trace.count('breaker-opened')).toBe(0);
    await call('failing');
    expect(trace.count('breaker-opened')).toBe(1);
  });

  it('spares the store every call while it is open, and requests their waiting', async () => {
    const world = await newSickWorld();
    const { fetch, cache, sick, trace } = world;
    await open(world);
    sick.health = 'silent';
    expect(await Promise.all(times(50, (id) => fetch({ args: { id } })))).toEqual(times(50, () => 'value'));
    expect(await fetch({ mode: 'refresh' })).toBe('value');
    await expect(cache.usage()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(sick.calls).toEqual([]);
    expect(trace.count('store-failed')).toBe(0);
  });

  it('tries an invalidation all the same: the store may be back before the next ping', async () => {
    const world = await newSickWorld();
    await open(world);
    world.sick.health = 'well';
    await world.cache.invalidate(['products']);
    await world.cache.flush();
    expect(world.sick.calls).toEqual(['dropTokens', 'dropTokens', 'clear']);
  });

  it('counts what fails in one round trip once, and says it once', async () => {
    const { fetch, sick, trace } = await newSickWorld();
    sick.health = 'failing';
    const fifty = (round: number): Promise<unknown> =>
      Promise.all(times(50, (id) => fetch({ args: { round, id }, tags: [`tag ${id}`] })));
    for (const round of times(9, Number)) await fifty(round);
    expect([trace.count('store-failed'), trace.count('breaker-opened')]).toEqual([9, 0]);
    await fifty(9);
    expect([trace.count('store-failed'), trace.count('breaker-opened')]).toEqual([10, 1]);
  });

  it('says of one round trip what was refused and what failed, and counts it as failed', async () => {
    const { fetch, sick, trace } = await newSickWorld();
    sick.onCall = () => (sick.health = sick.calls.length % 2 === 0 ? 'failing' : 'refusing');
    const rounds = times(10, (round) => () => Promise.all(times(4, (id) => fetch({ args: { round, id } }))));
    for (const round of rounds) await round();
    expect(trace.count('breaker-opened')).toBe(1);
    const firstTwo = trace.events.filter(({ type }) => type === 'store-failed').slice(0, 2);
    const codes = firstTwo.map((event) => 'error' in event && event.error instanceof CacheError);
    expect(codes).toEqual([true, false]);
  });

  it('stays closed for a store that answers no, and so keeps its hits', async () => {
    const { cache, sick, fetch, trace } = await newSickWorld();
    await fetch({ args: { id: 'kept' } });
    sick.health = 'refusing';
    for (const id of times(30, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(0);
    await expect(cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('pings every 250 ms, in the background, until the store answers, and then caches again', async () => {
    const world = await newSickWorld();
    const { fetch, clock, sick, trace, source } = world;
    await open(world);
    for (const _ of times(3, Number)) {
      clock.advance(250);
      await turn();
    }
    expect(sick.calls).toEqual(['ping', 'ping', 'ping']);
    expect(trace.text).toBe('');

    sick.health = 'well';
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

  it('does not wait for ever for a ping', async () => {
    const world = await newSickWorld();
    const { clock, sick, trace } = world;
    await open(world);
    sick.health = 'silent';
    clock.advance(250);
    await turn();
    clock.advance(100);
    await turn();
    sick.health = 'well';
    const closed = trace.next('breaker-closed');
    clock.advance(250);
    await closed;
    expect(sick.calls).toEqual(['ping', 'ping']);
  });

  it('needs ten failures again once it has closed', async () => {
    const world = await newSickWorld();
    const { fetch, clock, sick, trace } = world;
    await open(world);
    sick.health = 'well';
    const closed = trace.next('breaker-closed');
    clock.advance(250);
    await closed;
    sick.health = 'failing';
    for (const id of times(9, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(0);
    await fetch();
    expect(trace.count('breaker-opened')).toBe(1);
  });

  it('does not count what a call says that began before it opened', async () => {
    const world = await newSickWorld(['read']);
    const { fetch, clock, sick, trace } = world;
    sick.health = 'silent';
    const waiting: Promise<unknown>[] = [];
    for (const id of times(15, Number)) {
      waiting.push(fetch({ args: { id } }));
      await turn();
    }
    clock.advance(100);
    await Promise.all(waiting);
    expect(trace.count('breaker-opened')).toBe(1);
    expect(trace.count('store-failed')).toBe(15);
  });

  it.each(['waits for its time', 'is under way'])(
    'is at rest once the cache is closed, also where a ping %s',
    async (when) => {
      const world = await newSickWorld();
      const { cache, clock, sick } = world;
      await open(world);
      if (when === 'is under way') clock.advance(250);
      await cache.close();
      await turn();
      expect(clock.pending).toBe(0);
      sick.calls.length = 0;
      clock.advance(10_000);
      expect(sick.calls).toEqual([]);
    },
  );

  it('does not begin to ping once the cache is closed', async () => {
    const { fetch, cache, clock, sick } = await newSickWorld();
    await cache.close();
    sick.health = 'failing';
    for (const id of times(10, Number)) await fetch({ args: { id } });
    expect(clock.pending).toBe(0);
  });
});
