// `Cdn.close`: what is still purged, and for how long at most.
import { expect, it } from 'vitest';
import type { CacheEvent } from '../../../src/cache/index.ts';
import { newWorld, tick, times, type World } from '../world.ts';
import { newCdn, pass } from './recorded-cdn.ts';

function givenUp({ trace }: World): CacheEvent[] {
  return trace.events.filter(({ type }) => type === 'purge-given-up');
}

/** Whether a promise is settled after the ticks that it needs. */
async function hasEnded(promise: Promise<unknown>): Promise<boolean> {
  const state = { hasEnded: false };
  void promise.finally(() => (state.hasEnded = true));
  await tick();
  return state.hasEnded;
}

it('makes second purges at once, and nothing afterwards', async () => {
  const world = await newWorld();
  const { purges, close } = newCdn(world);
  await world.cache.invalidate(['products']);
  await tick();
  await close();
  expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
  await world.cache.invalidate(['products']);
  world.clock.advance(60_000);
  await tick();
  expect(purges).toHaveLength(2);
  expect(givenUp(world)).toEqual([]);
});

it('makes a purge that had not begun, and its second one', async () => {
  const world = await newWorld();
  const { purges, close } = newCdn(world);
  await world.cache.invalidate(['products']);
  await close();
  expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
});

it('tries what has failed once more, without its pauses', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const state = { isDown: true };
  const { close, taken } = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate() {
      if (state.isDown) throw new Error('503');
    },
  });
  await world.cache.invalidate(['products']);
  await tick();
  await world.cache.invalidate('everything');
  await tick();
  taken();
  state.isDown = false;
  await close();
  expect(taken().flat().toSorted()).toEqual(['shop', 'shop.products', 'shop.products.!']);
  expect(givenUp(world)).toEqual([]);
});

it('ends after five seconds if onInvalidate hangs: aborts it, and names what was not purged', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const { purges, close } = newCdn(world, { onInvalidate: () => new Promise(() => {}) });
  await world.cache.invalidate(['products']);
  await tick();
  await world.cache.invalidate('everything');
  await tick();
  const closing = Promise.all([close(), close()]);
  await pass(world.clock, 4_999);
  expect(await hasEnded(closing)).toBe(false);
  expect(purges[0]?.signal.aborted).toBe(false);
  world.clock.advance(1);
  expect(await hasEnded(closing)).toBe(true);
  expect(purges[0]?.signal.aborted).toBe(true);
  expect(givenUp(world)).toEqual([
    { type: 'purge-given-up', tags: ['shop.products', 'shop.products.!', 'shop'], reason: 'closed' },
  ]);
  await pass(world.clock, 60_000);
  expect(purges).toHaveLength(1);
  expect(world.clock.pending).toBe(0);
});

it('ends after five seconds if there are too many slow purges', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const { purges, close } = newCdn(world, {
    onInvalidate: () => new Promise<void>((resolve) => void world.clock.after(1_000, resolve)),
  });
  await world.cache.invalidate(times(500, (n) => `tag-${n}`));
  const closing = close();
  await tick();
  await pass(world.clock, 5_000, 100);
  expect(await hasEnded(closing)).toBe(true);
  expect(purges.length).toBeLessThanOrEqual(6);
  expect(givenUp(world)).toMatchObject([{ reason: 'closed' }]);
  const before = purges.length;
  await pass(world.clock, 60_000);
  expect(purges).toHaveLength(before);
});

it('tries no further after three failures in a row', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const { purges, close } = newCdn(world, {
    onInvalidate() {
      throw new Error('503');
    },
  });
  await world.cache.invalidate(times(500, (n) => `tag-${n}`));
  await close();
  expect(purges).toHaveLength(3);
  const [event] = givenUp(world);
  expect(event?.type === 'purge-given-up' && new Set(event.tags).size).toBe(1_000);
  await pass(world.clock, 600_000, 60_000);
  expect(purges).toHaveLength(3);
  expect(world.clock.pending).toBe(0);
});

it('purges what the CDN accepts, also of calls with tags that it rejects, and names those', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const isWrong = (tag: string): boolean => tag.includes('wrong');
  const { purges, close } = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate(tags) {
      if (tags.some(isWrong)) throw new Error('400');
    },
  });
  for (const n of times(8, Number)) {
    await world.cache.invalidate([`wrong-${n}`]);
    await tick();
    await pass(world.clock, 10_000);
  }
  const right = times(20, (n) => `right-${n}`);
  await world.cache.invalidate([...right, 'last-wrong']);
  await close();
  const accepted = purges.flatMap(({ tags }) => (tags.some(isWrong) ? [] : tags));
  expect(accepted.toSorted()).toEqual(right.flatMap((tag) => [`shop.${tag}`, `shop.${tag}.!`]).toSorted());
  const [event] = givenUp(world);
  expect(event?.type === 'purge-given-up' && event.tags).toContain('shop.last-wrong');
  expect(event?.type === 'purge-given-up' && event.tags.every(isWrong)).toBe(true);
});

it('purges the others first, even if several tags that the CDN rejects are due', async () => {
  const world = await newWorld('memory', { namespace: 'shop' });
  const isWrong = (tag: string): boolean => tag.includes('wrong');
  const { taken, close } = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate(tags) {
      if (tags.some(isWrong)) throw new Error('400');
      return new Promise<void>((resolve) => void world.clock.after(100, resolve));
    },
  });
  for (const n of times(4, Number)) {
    await world.cache.invalidate([`wrong-${n}`]);
    await tick();
    await pass(world.clock, 10_000);
  }
  world.clock.stall(60_000);
  taken();
  await world.cache.invalidate(times(60, (n) => `right-${n}`));
  const closing = close();
  await pass(world.clock, 1_000, 100);
  await closing;
  const sizes = taken().map((tags) => (tags.some(isWrong) ? 'rejected' : tags.length));
  expect(sizes).toEqual([30, 30, 30, 30, 'rejected', 'rejected', 'rejected']);
});

it('leaves what has failed before, if a call that was tried again hangs', async () => {
  const world = await newWorld();
  const { purges, close } = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate() {
      if (purges.length === 1) throw new Error('503');
      return new Promise(() => {});
    },
  });
  await world.cache.invalidate(['one', 'two']);
  await tick();
  await pass(world.clock, 1_000);
  expect(purges.map(({ tags }) => tags.length)).toEqual([4, 2]);
  const closing = close();
  await pass(world.clock, 5_000);
  await closing;
  await pass(world.clock, 60_000);
  expect(purges).toHaveLength(2);
  const [event] = givenUp(world);
  expect(event?.type === 'purge-given-up' && new Set(event.tags).size).toBe(4);
});

it('may be called twice', async () => {
  const world = await newWorld();
  const { purges, close } = newCdn(world);
  await world.cache.invalidate(['products']);
  await Promise.all([close(), close()]);
  await close();
  expect(purges).toHaveLength(2);
});
