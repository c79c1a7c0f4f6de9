// A distant store: each call takes 60 ms, and a fetch waits for 100 ms.
import { expect, it } from 'vitest';
import { createMemoryStore, type Store } from '../../../src/cache/index.ts';
import { newWorld, TestClock, tick, withResolvers, type World } from '../world.ts';

interface DistantWorld extends World {
  readonly delays: Record<string, number>;
  /** The names of the received calls, in order. */
  readonly calls: string[];
  /** The names of the calls that were replied to, in order. */
  readonly repliedTo: string[];
  /** The names of the calls that fail without being executed. */
  readonly failingCalls: Set<string>;
}

/** A world on a store that executes each call immediately and replies 60 ms later, or after the delay in `delays`. */
async function newDistantWorld(): Promise<DistantWorld> {
  const clock = new TestClock();
  const memoryStore = createMemoryStore({ namespace: 'shop', clock });
  const [delays, calls, repliedTo, failingCalls]: [DistantWorld['delays'], string[], string[], Set<string>] = [
    {},
    [],
    [],
    new Set(),
  ];
  const store = new Proxy(memoryStore, {
    get(target, name: keyof Store) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        calls.push(name);
        if (failingCalls.has(name)) throw new Error(`${name}: not now`);
        const answer: unknown = await Reflect.apply(method, target, args);
        if (name !== 'close') await new Promise<void>((resolve) => void clock.after(delays[name] ?? 60, resolve));
        repliedTo.push(name);
        return answer;
      };
    },
  });
  return { ...(await newWorld(store, { clock })), delays, calls, repliedTo, failingCalls };
}

async function passTime({ clock }: World, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 5) {
    await tick();
    clock.advance(5);
  }
  await tick();
}

/** Fetches, and advances the clock until all calls have ended. */
async function fetchToEnd(world: DistantWorld, options: Parameters<World['fetch']>[0] = {}): Promise<unknown> {
  const value = world.fetch({ tags: ['products'], ...options });
  await passTime(world, 500);
  return value;
}

it('causes a hit for the third request: the first one creates the tokens, the second one stores', async () => {
  const world = await newDistantWorld();
  for (const _ of [1, 2, 3]) expect(await fetchToEnd(world)).toBe('value');
  expect(world.source.loads).toBe(2);
  expect(world.trace.text).toBe('store-slow load miss store-slow load miss store-slow write hit');
});

it('stores the value of a longer load, whose lease arrives while it runs and is renewed', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passTime(world, 2_000);
  expect(world.calls.filter((call) => call === 'renew').length).toBeGreaterThan(3);
  held.give('new');
  await passTime(world, 200);
  expect(await second).toBe('new');
  expect(await fetchToEnd(world)).toBe('new');
  expect(world.source.loads).toBe(2);
});

it('does not delay a request by more than 100 ms', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  let isAnswered = false;
  void world.fetch({ tags: ['products'] }).then(() => (isAnswered = true));
  await passTime(world, 95);
  expect(isAnswered).toBe(false);
  await passTime(world, 5);
  expect(isAnswered).toBe(true);
});

it('does not store under a late lease if the tag was invalidated before it arrived', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passTime(world, 55);
  void world.store.dropTokens(['products']);
  await passTime(world, 200);
  held.give('old');
  await second;
  await passTime(world, 200);
  expect(world.trace.count('write')).toBe(0);
});

it('does not store under a late lease after a failed invalidation, which may have left the tokens unchanged', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passTime(world, 105);
  world.failingCalls.add('dropTokens');
  await expect(world.cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await passTime(world, 100);
  expect(world.calls.slice(-2)).toEqual(['dropTokens', 'release']);
  held.give('old');
  await second;
  await passTime(world, 200);
  expect(world.trace.count('write')).toBe(0);
});

it('is closed only after a pending lease has been released', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  world.source.hold();
  void world.fetch({ tags: ['products'] });
  await passTime(world, 105);
  const closing = world.cache.close();
  await passTime(world, 200);
  await closing;
  expect(world.repliedTo.slice(-3)).toEqual(['acquire', 'release', 'close']);
});

it.each([
  ['which arrives while the load runs', 100],
  ['which arrives when the load has failed', 0],
])('releases immediately the lease of a load that fails, %s', async (_, loadsForMs) => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  second.catch(() => {});
  await passTime(world, 100 + loadsForMs);
  held.fail(new Error('no rows'));
  await expect(second).rejects.toThrow('no rows');
  await passTime(world, 200);
  expect(world.calls.at(-1)).toBe('release');
});

it('releases a lease that arrives after its deadline', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  world.delays['acquire'] = 150;
  expect(await fetchToEnd(world)).toBe('value');
  expect(world.calls.slice(-2)).toEqual(['acquire', 'release']);
  expect(world.trace.count('store-failed')).toBe(1);
});

it('has no pending call when the cache is closed, and releases its lease', async () => {
  const world = await newDistantWorld();
  await fetchToEnd(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passTime(world, 105);
  let isClosed = false;
  const closing = world.cache.close().then(() => (isClosed = true));
  held.give('value');
  await second;
  const { promise: closed, resolve } = withResolvers<void>();
  void closing.then(() => resolve());
  await passTime(world, 400);
  await closed;
  expect(isClosed).toBe(true);
  expect(world.repliedTo.slice(-2)).toEqual(['release', 'close']);
  expect(world.clock.pending).toBe(0);
});
