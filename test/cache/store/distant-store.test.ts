// A store that is far away: each call takes 60 ms, and a fetch waits for 100.
import { expect, it } from 'vitest';
import { createMemoryStore, type Store } from '../../../src/cache/index.ts';
import { newWorld, TestClock, turn, withResolvers, type World } from '../world.ts';

interface Distant extends World {
  readonly delays: Record<string, number>;
  /** The calls that came, in their order. */
  readonly calls: string[];
  /** Those that were answered, in their order. */
  readonly answered: string[];
  /** The calls that it fails, without doing anything. */
  readonly faults: Set<string>;
}

/** A store that does what it is asked at once, and answers 60 ms later, unless `delays` says otherwise. */
async function newDistant(): Promise<Distant> {
  const clock = new TestClock();
  const near = createMemoryStore({ namespace: 'shop', clock });
  const [delays, calls, answered, faults]: [Distant['delays'], string[], string[], Set<string>] = [
    {},
    [],
    [],
    new Set(),
  ];
  const store = new Proxy(near, {
    get(target, name: keyof Store) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        calls.push(name);
        if (faults.has(name)) throw new Error(`${name}: not now`);
        const answer: unknown = await Reflect.apply(method, target, args);
        if (name !== 'close') await new Promise<void>((resolve) => void clock.after(delays[name] ?? 60, resolve));
        answered.push(name);
        return answer;
      };
    },
  });
  return { ...(await newWorld(store, { clock })), delays, calls, answered, faults };
}

async function passes({ clock }: World, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 5) {
    await turn();
    clock.advance(5);
  }
  await turn();
}

/** Fetches, while time passes, until all that was begun is over. */
async function fetched(world: Distant, options: Parameters<World['fetch']>[0] = {}): Promise<unknown> {
  const value = world.fetch({ tags: ['products'], ...options });
  await passes(world, 500);
  return value;
}

it('gives a hit to the third who comes: the first makes the tokens, the second stores', async () => {
  const world = await newDistant();
  for (const _ of [1, 2, 3]) expect(await fetched(world)).toBe('value');
  expect(world.source.loads).toBe(2);
  expect(world.trace.text).toBe('store-slow load miss store-slow load miss store-slow write hit');
});

it('stores what a longer load gives, whose lease comes while it runs and is renewed', async () => {
  const world = await newDistant();
  await fetched(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passes(world, 2_000);
  expect(world.calls.filter((call) => call === 'renew').length).toBeGreaterThan(3);
  held.give('new');
  await passes(world, 200);
  expect(await second).toBe('new');
  expect(await fetched(world)).toBe('new');
  expect(world.source.loads).toBe(2);
});

it('answers after 100 ms all the same', async () => {
  const world = await newDistant();
  await fetched(world);
  let isAnswered = false;
  void world.fetch({ tags: ['products'] }).then(() => (isAnswered = true));
  await passes(world, 95);
  expect(isAnswered).toBe(false);
  await passes(world, 5);
  expect(isAnswered).toBe(true);
});

it('does not store under a lease that came where the tag was invalidated before it', async () => {
  const world = await newDistant();
  await fetched(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passes(world, 55);
  void world.store.dropTokens(['products']);
  await passes(world, 200);
  held.give('old');
  await second;
  await passes(world, 200);
  expect(world.trace.count('write')).toBe(0);
});

it('does not store under a lease that came where an invalidation has failed before it: its tokens may stand', async () => {
  const world = await newDistant();
  await fetched(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passes(world, 105);
  world.faults.add('dropTokens');
  await expect(world.cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await passes(world, 100);
  expect(world.calls.slice(-2)).toEqual(['dropTokens', 'release']);
  held.give('old');
  await second;
  await passes(world, 200);
  expect(world.trace.count('write')).toBe(0);
});

it('is not closed while a lease is on its way, which is given back first', async () => {
  const world = await newDistant();
  await fetched(world);
  world.source.hold();
  void world.fetch({ tags: ['products'] });
  await passes(world, 105);
  const closing = world.cache.close();
  await passes(world, 200);
  await closing;
  expect(world.answered.slice(-3)).toEqual(['acquire', 'release', 'close']);
});

it.each([
  ['while its load runs', 100],
  ['when its load has failed', 0],
])('gives back at once a lease that it cannot use, %s', async (_, loadsForMs) => {
  const world = await newDistant();
  await fetched(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  second.catch(() => {});
  await passes(world, 100 + loadsForMs);
  held.fail(new Error('no rows'));
  await expect(second).rejects.toThrow('no rows');
  await passes(world, 200);
  expect(world.calls.at(-1)).toBe('release');
});

it('gives back a lease that comes after its deadline', async () => {
  const world = await newDistant();
  await fetched(world);
  world.delays['acquire'] = 150;
  expect(await fetched(world)).toBe('value');
  expect(world.calls.slice(-2)).toEqual(['acquire', 'release']);
  expect(world.trace.count('store-failed')).toBe(1);
});

it('has nothing under way when the cache is closed, and gives its lease back', async () => {
  const world = await newDistant();
  await fetched(world);
  const held = world.source.hold();
  const second = world.fetch({ tags: ['products'] });
  await passes(world, 105);
  let isClosed = false;
  const closing = world.cache.close().then(() => (isClosed = true));
  held.give('value');
  await second;
  const { promise: over, resolve } = withResolvers<void>();
  void closing.then(() => resolve());
  await passes(world, 400);
  await over;
  expect(isClosed).toBe(true);
  expect(world.answered.slice(-2)).toEqual(['release', 'close']);
  expect(world.clock.pending).toBe(0);
});
