// What happens when `onInvalidate` fails: for one tag, which the CDN rejects, or for all, while it is away.
import { describe, expect, it } from 'vitest';
import type { CacheLog } from '../../../src/cache/index.ts';
import { newWorld, tick, times, withResolvers, type World } from '../world.ts';
import { newCdn, pass } from './recorded-cdn.ts';

const secondMs = 1_000;
const hourMs = 3_600_000;

/** A CDN that rejects every call with such a tag. */
function newPickyCdn(world: World, { isWrong }: { isWrong: (tag: string) => boolean }) {
  const made = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate(tags) {
      if (tags.some(isWrong)) throw new Error('the CDN answered 400');
    },
  });
  /** The tags of the calls that have succeeded. */
  const accepted = (): string[] => made.purges.flatMap(({ tags }) => (tags.some(isWrong) ? [] : tags));
  return { ...made, accepted };
}

const isWrong = (tag: string): boolean => tag.includes('wrong');

describe('a tag that the CDN rejects', () => {
  it('fails no invalidation, is reported, and is tried again after growing pauses', async () => {
    const lines: string[] = [];
    const log: CacheLog = { warn: (_fields, message) => void lines.push(message) };
    const world = await newWorld('memory', { log });
    const { cache, clock, trace } = world;
    const state = { isDown: true };
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: async () => {
        if (state.isDown) throw new Error('the token swordfish is not valid');
      },
    });
    await expect(cache.invalidate('everything')).resolves.toBeUndefined();
    await tick();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      expect(trace.events.at(-1)).toMatchObject({ type: 'purge-failed', tagCount: 1, retryMs: pauseMs });
      const before = purges.length;
      clock.advance(pauseMs - 1);
      await tick();
      expect(purges).toHaveLength(before);
      clock.advance(1);
      await tick();
      expect(purges).toHaveLength(before + 1);
    }
    state.isDown = false;
    clock.advance(60_000);
    await tick();
    await pass(clock, hourMs, 60_000);
    expect(purges).toHaveLength(10);
    expect(new Set(purges.map(({ tags }) => tags.join())).size).toBe(1);
    expect([trace.count('purge-failed'), trace.count('purge'), trace.count('purge-given-up')]).toEqual([9, 1, 0]);
    expect(lines[0]).toMatch(/onInvalidate of createCdn failed: .*the CDN may serve older responses/);
    expect(lines.join()).not.toContain('swordfish');
  });

  it('is given up after an hour and 60 attempts, which an event and a line of the log report without its id', async () => {
    const lines: string[] = [];
    const log: CacheLog = { warn: (_fields, message) => void lines.push(message) };
    const world = await newWorld('memory', { log, namespace: 'shop' });
    const { cdn, purges, accepted } = newPickyCdn(world, { isWrong });
    await world.cache.invalidate(['products:wrong-42']);
    await tick();
    await pass(world.clock, 50 * 60_000, 10_000);
    expect(world.trace.count('purge-given-up')).toBe(0);
    await pass(world.clock, 10 * 60_000, 10_000);
    const givenUp = world.trace.events.filter(({ type }) => type === 'purge-given-up');
    expect(givenUp).toEqual([{ type: 'purge-given-up', tags: ['shop.products.wrong-42'], reason: 'attempts' }]);
    expect(purges.filter(({ tags }) => tags.length === 1 && tags.some(isWrong))).toHaveLength(60);
    expect(accepted()).toEqual(['shop.products']);
    expect(cdn.waiting).toEqual({ first: 0, second: 0, retry: 0 });
    expect(lines.filter((line) => line.includes('not purged of'))).toEqual([
      'the CDN was not purged of 1 tags (shop.products.…): every attempt has failed for an hour. It may serve older responses until they expire, or until you purge it.',
    ]);
    const before = purges.length;
    await pass(world.clock, hourMs, 60_000);
    expect(purges).toHaveLength(before);

    await world.cache.invalidate(['products:wrong-42']);
    await tick();
    expect(purges).toHaveLength(before + 1);
  });

  it('keeps no other tag waiting: they are purged at once, also with it', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { accepted, taken } = newPickyCdn(world, { isWrong });
    await world.cache.invalidate(['wrong']);
    await tick();
    expect(taken()).toEqual([['shop.wrong', 'shop.wrong.!']]);
    for (const n of times(20, Number)) {
      await world.cache.invalidate(['wrong', `right-${n}`]);
      await tick();
      expect(accepted()).toEqual([`shop.right-${n}`, `shop.right-${n}.!`]);
      await pass(world.clock, 30 * secondMs);
      taken();
    }
  });

  it('keeps no other tag waiting while a call for it takes long', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { promise: never } = withResolvers<void>();
    const { taken } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: (tags) => (tags.some(isWrong) ? never : undefined),
    });
    await world.cache.invalidate(['wrong']);
    await tick();
    await pass(world.clock, 11 * secondMs);
    taken(); // it is tried again now, which takes ten seconds
    await world.cache.invalidate(['right']);
    await tick();
    expect(taken()).toEqual([['shop.right', 'shop.right.!']]);
  });

  it('keeps those of its own call waiting for some seconds only', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { accepted, purges } = newPickyCdn(world, { isWrong });
    const right = times(20, (n) => `right-${n}`);
    await world.cache.invalidate([...right.slice(0, 7), 'wrong', ...right.slice(7)]);
    await tick();
    await pass(world.clock, 10 * secondMs);
    const expected = right.flatMap((tag) => [`shop.${tag}`, `shop.${tag}.!`]);
    expect(accepted().toSorted()).toEqual(expected.toSorted());
    expect(purges.length).toBeLessThan(25);
  });

  it('keeps those of its own call waiting for some seconds also if many others were rejected before', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { accepted } = newPickyCdn(world, { isWrong });
    for (const n of times(8, Number)) {
      await world.cache.invalidate([`wrong-${n}`, `wrong-${n}-too`, `right-${n}`]);
      await tick();
      await pass(world.clock, 10 * secondMs);
      expect(accepted()).toContain(`shop.right-${n}`);
    }
  });
});

/** `state.isDown = false` ends the outage. */
function newCdnThatIsDown(world: World) {
  const state = { isDown: true };
  const onInvalidate = (): void => {
    if (state.isDown) throw new Error('503');
  };
  return { state, ...newCdn(world, { repeatAfterMs: 0, onInvalidate }) };
}

describe('a CDN that is away', () => {
  it('is asked seldom, and purged soon after it is back, with few calls', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { cdn, purges, state } = newCdnThatIsDown(world);
    const tags = times(1_500, (n) => `tag-${n}`);
    await world.cache.invalidate(tags);
    await tick();
    await pass(world.clock, 600 * secondMs);
    // First attempts at 30 tags a call, and further ones after growing pauses.
    expect(purges.length).toBeLessThan(3_000 / 30 + 200);
    state.isDown = false;
    purges.splice(0);
    await pass(world.clock, 60 * secondMs);
    expect(cdn.waiting).toEqual({ first: 0, second: 0, retry: 0 });
    expect(new Set(purges.flatMap((purge) => purge.tags)).size).toBe(3_000);
    expect(purges.length).toBeLessThan(3_000 / 30 + 120);
    expect(Math.max(...purges.map((purge) => purge.tags.length))).toBe(30);
    expect(world.trace.count('purge-given-up')).toBe(0);
  });

  it('receives first attempts once a second, and what is invalidated meanwhile together', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate() {
        throw new Error('429');
      },
    });
    for (const n of times(1_000, Number)) {
      await world.cache.invalidate([`tag-${n}`]);
      await tick();
      world.clock.advance(10);
    }
    expect(purges.length).toBeLessThan(30);
  });

  it('purges everything if too much is waiting', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { cdn, purges, state } = newCdnThatIsDown(world);
    await world.cache.invalidate(['first']);
    await tick();
    for (const batch of times(6, Number)) await world.cache.invalidate(times(1_000, (n) => `tag-${batch}-${n}`));
    state.isDown = false;
    world.clock.advance(1_000);
    await tick();
    expect(purges.flatMap(({ tags }) => tags)).toContain('shop');
    expect(purges.length).toBeLessThan(100);
    expect(cdn.waiting).toEqual({ first: 0, second: 0, retry: 0 });
  });

  it('purges everything if too much has failed', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const state = { isDown: true };
    const { cdn, purges } = newCdn(world, {
      repeatAfterMs: 0,
      tagsPerCallMax: 2_000,
      onInvalidate() {
        if (state.isDown) throw new Error('503');
      },
    });
    for (const batch of times(12, Number)) {
      await world.cache.invalidate(times(1_000, (n) => `tag-${batch}-${n}`));
      await tick();
      await pass(world.clock, secondMs);
      const { first, retry } = cdn.waiting;
      expect(first + retry).toBeLessThanOrEqual(12_000);
      expect(retry).toBeLessThanOrEqual(10_000);
    }
    state.isDown = false;
    await pass(world.clock, 120 * secondMs);
    expect(purges.flatMap(({ tags }) => tags)).toContain('shop');
    expect(cdn.waiting).toEqual({ first: 0, second: 0, retry: 0 });
  });
});

describe('a purge that fails', () => {
  it('has all of its tags again, whatever was done to the list', async () => {
    const world = await newWorld();
    const taken: (readonly string[])[] = [];
    const { purges } = newCdn(world, {
      onInvalidate(tags) {
        taken.push((tags as string[]).splice(0));
        if (taken.length === 1) throw new Error('503');
      },
    });
    await world.cache.invalidate('everything');
    await tick();
    world.clock.advance(1_000);
    await tick();
    world.clock.advance(2_000);
    await tick();
    expect(purges).toHaveLength(3);
    expect(taken).toEqual(times(3, () => [world.namespace]));
  });

  it('counts as failed after ten seconds, and its signal is aborted', async () => {
    const world = await newWorld();
    const state = { isDown: true };
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: () => (state.isDown ? new Promise(() => {}) : undefined),
    });
    await world.cache.invalidate('everything');
    await tick();
    expect(purges[0]?.signal.aborted).toBe(false);
    world.clock.advance(10_000);
    await tick();
    expect(purges[0]?.signal.aborted).toBe(true);
    expect(world.trace.events.at(-1)).toMatchObject({ type: 'purge-failed', error: { code: 'PURGE_TIMEOUT' } });
    state.isDown = false;
    world.clock.advance(1_000);
    await tick();
    expect(purges).toHaveLength(2);
  });

  it('is followed by a second purge after it has succeeded; if that fails, it is tried again as such', async () => {
    const world = await newWorld();
    const failing = new Set([0, 2]);
    const { purges } = newCdn(world, {
      onInvalidate() {
        if (failing.has(purges.length - 1)) throw new Error('503');
      },
    });
    await world.cache.invalidate('everything');
    await tick();
    await pass(world.clock, 60 * secondMs);
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, false, true, true]);
  });

  it('for the second time is tried again as such, in several calls', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { purges } = newCdn(world, {
      onInvalidate(_tags, { isRepeated }) {
        if (isRepeated && purges.filter((purge) => purge.isRepeated).length === 1) throw new Error('503');
      },
    });
    await world.cache.invalidate(['one', 'two']);
    await tick();
    await pass(world.clock, 60 * secondMs);
    const made = purges.map(({ tags, isRepeated }) => `${tags.length} ${isRepeated ? 'again' : 'first'}`);
    expect(made).toEqual(['4 first', '4 again', '2 again', '2 again']);
  });

  it('is made again for what is invalidated while it is tried again', async () => {
    const world = await newWorld();
    const { promise: end, resolve: finish } = withResolvers<void>();
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate() {
        if (purges.length === 1) throw new Error('503');
        return purges.length === 2 ? end : undefined;
      },
    });
    await world.cache.invalidate('everything');
    await tick();
    await pass(world.clock, secondMs);
    expect(purges).toHaveLength(2);
    await world.cache.invalidate('everything');
    await tick();
    expect(purges).toHaveLength(2);
    finish();
    await tick();
    expect(purges).toHaveLength(3);
  });

  it('for the second time is made as a first one of what is invalidated meanwhile, and followed by a second one', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { promise, reject } = withResolvers<void>();
    const calls = [undefined, promise];
    const { purges } = newCdn(world, { onInvalidate: () => calls.shift() });
    await world.cache.invalidate(['a', 'b']);
    await tick();
    await pass(world.clock, 2 * secondMs);
    await world.cache.invalidate(['a']);
    reject(new Error('the CDN answered 502'));
    await tick();
    purges.length = 0;
    await pass(world.clock, 30 * secondMs);
    const purgesOf = (tag: string): boolean[] =>
      purges.flatMap((one) => (one.tags.includes(tag) ? one.isRepeated : []));
    expect([purgesOf('shop.a'), purgesOf('shop.b')]).toEqual([[false, true], [true]]);
  });

  it.each([
    ['before', 59],
    ['during', 60],
  ])('is tried for another hour if it is invalidated anew %s the last attempt', async (_when, attempts) => {
    const world = await newWorld();
    const { promise: never } = withResolvers<void>();
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate() {
        if (purges.length !== attempts && purges.length < 100) throw new Error('503');
        return purges.length === attempts ? never : undefined;
      },
    });
    await world.cache.invalidate('everything');
    await tick();
    for (let steps = 0; steps < 2_000 && purges.length < attempts; steps += 1) await pass(world.clock, 2 * secondMs);
    await world.cache.invalidate('everything');
    await pass(world.clock, 10 * secondMs);
    expect(purges).toHaveLength(attempts);
    await pass(world.clock, 30 * 60_000, 60_000);
    expect(purges.length).toBeLessThan(attempts + 32); // its pauses do not begin anew
    await pass(world.clock, 20 * 60_000, 60_000);
    expect(purges).toHaveLength(100);
    expect([world.trace.count('purge-given-up'), world.trace.count('purge')]).toEqual([0, 1]);
  });
});
