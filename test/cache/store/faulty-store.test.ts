// No fetch fails because of a faulty store, or waits for it longer than the deadline.
import { describe, expect, it } from 'vitest';
import { newFaultyWorld } from './faulty-store.ts';
import { times, tick, withResolvers } from '../world.ts';

describe('a store that rejects', () => {
  it('causes a miss and an event, and the rest of the request bypasses it', async () => {
    const { fetch, outcome, faulty, trace } = await newFaultyWorld();
    faulty.health = 'failing';
    expect(await outcome()).toMatchObject({ value: 'value', state: 'miss', tier: null, ageMs: null, ttlMs: null });
    expect(trace.text).toBe('store-failed load miss');
    expect(faulty.calls).toEqual(['read']);
    expect(await fetch({ mode: 'refresh' })).toBe('value');
    expect(await fetch({ mode: 'bypass' })).toBe('value');
    expect(faulty.calls).toEqual(['read', 'capture', 'acquire']);
  });

  it('is bypassed too if it fails only the capture, the lease, the fill or the write', async () => {
    const capture = await newFaultyWorld(['capture']);
    capture.faulty.health = 'failing';
    expect(await capture.fetch()).toBe('value');
    expect(capture.faulty.calls).toEqual(['read', 'capture']);

    const acquire = await newFaultyWorld(['acquire']);
    acquire.faulty.health = 'failing';
    expect(await acquire.outcome()).toMatchObject({ value: 'value', ageMs: null });
    expect(acquire.faulty.calls).toEqual(['read', 'capture', 'acquire']);
    expect(acquire.trace.text).toBe('store-failed load miss');

    const filling = await newFaultyWorld(['fill']);
    filling.faulty.health = 'failing';
    expect(await filling.outcome()).toMatchObject({ value: 'value', ageMs: null });
    expect(filling.faulty.calls).toEqual(['read', 'capture', 'acquire', 'fill', 'release']);
    expect(filling.trace.text).toBe('load store-failed miss');

    const write = await newFaultyWorld(['write']);
    write.faulty.health = 'failing';
    expect(await write.outcome({ mode: 'refresh' })).toMatchObject({ value: 'value', ageMs: null });
    expect(write.faulty.calls).toEqual(['capture', 'acquire', 'write']);
  });

  it('is bypassed by all fetches of a request after it has failed one, and by no other request', async () => {
    const { fetch, faulty } = await newFaultyWorld();
    const nested = (request: object, depth: number): Promise<unknown> =>
      fetch({ request, field: `Query.n${depth}`, load: () => (depth === 0 ? 'leaf' : nested(request, depth - 1)) });
    faulty.health = 'failing';
    expect(await nested({}, 9)).toBe('leaf');
    expect(faulty.calls).toEqual(['read']);
    await fetch({ request: {} });
    await fetch();
    expect(faulty.calls).toEqual(['read', 'read', 'read']);
  });

  it('because it is full still serves its entries, and is sent no new value for a second', async () => {
    const { fetch, outcome, faulty, clock } = await newFaultyWorld(['capture', 'acquire', 'fill', 'write']);
    await fetch({ field: 'Query.held' });
    faulty.health = 'full';
    faulty.calls.length = 0;
    await fetch();
    expect(faulty.calls.splice(0)).toEqual(['read', 'acquire']);
    await fetch();
    clock.advance(999);
    await fetch();
    expect(faulty.calls.splice(0)).toEqual(['read', 'read']);
    expect(await outcome({ field: 'Query.held' })).toMatchObject({ state: 'hit' });
    faulty.health = 'well';
    clock.advance(1);
    await fetch();
    expect(await outcome()).toMatchObject({ state: 'hit' });
  });

  it('is called again after a second by a request that lasts that long', async () => {
    const { fetch, faulty, clock } = await newFaultyWorld();
    const request = {};
    faulty.health = 'failing';
    await fetch({ request });
    clock.advance(999);
    await fetch({ request });
    expect(faulty.calls).toEqual(['read']);
    clock.advance(1);
    await fetch({ request });
    expect(faulty.calls).toEqual(['read', 'read']);
  });

  it('is not bypassed by a request that it has refused: its entries are still served', async () => {
    const { fetch, outcome, faulty } = await newFaultyWorld(['acquire']);
    await fetch({ field: 'Query.held' });
    const request = {};
    faulty.health = 'refusing';
    await fetch({ request });
    expect(await outcome({ request, field: 'Query.held' })).toMatchObject({ state: 'hit' });
  });

  it('makes an invalidation and a flush reject, so that the caller knows that they did not happen', async () => {
    const { cache, faulty, trace } = await newFaultyWorld();
    faulty.health = 'failing';
    const unavailable = { code: 'STORE_UNAVAILABLE' };
    await expect(cache.invalidate(['a'])).rejects.toMatchObject(unavailable);
    await expect(cache.flush()).rejects.toMatchObject(unavailable);
    await expect(cache.usage()).rejects.toMatchObject(unavailable);
    expect(trace.text).toBe('store-failed×3');
  });

  it('does not let requests after a failed invalidation join a load that began before it', async () => {
    const { fetch, cache, faulty, source } = await newFaultyWorld(['dropTokens']);
    const held = source.hold();
    const before = fetch({ tags: ['a'] });
    await held.begun;
    faulty.health = 'failing';
    await expect(cache.invalidate(['a'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    source.gives('new');
    expect(await fetch({ tags: ['a'] })).toBe('new');
    held.give('old');
    await before;
  });

  it('causes one load for all concurrent requests', async () => {
    const { fetch, faulty, source } = await newFaultyWorld();
    faulty.health = 'failing';
    const held = source.hold();
    const results = times(5, () => fetch());
    await held.begun;
    held.give('value');
    expect(await Promise.all(results)).toEqual(times(5, () => 'value'));
    expect(source.loads).toBe(1);
  });

  it('is bypassed if it fails the second read of a value with an inner value', async () => {
    const { fetch, faulty, source, trace } = await newFaultyWorld();
    const load = (): Promise<unknown> => fetch({ field: 'Query.inner', tags: ['inner'] });
    await fetch({ field: 'Query.outer', load });
    faulty.calls.length = 0;
    trace.take();
    faulty.onCall = () => (faulty.health = faulty.calls.length === 2 ? 'failing' : 'well');
    expect(await fetch({ field: 'Query.outer', load: source.load })).toBe('value');
    expect(faulty.calls).toEqual(['read', 'tokens']);
    expect(trace.text).toBe('store-failed load miss');
  });
});

describe('a store that does not reply', () => {
  it.each([
    ['read', 'store-failed load miss'],
    ['capture', 'store-failed load miss'],
    ['acquire', 'store-failed load miss'],
    ['fill', 'load store-failed miss'],
  ])('delays a request by 100 ms, and no longer, if the call is %s', async (call, text) => {
    const { fetch, clock, faulty, trace, source } = await newFaultyWorld([call]);
    const { promise: isCalled, resolve } = withResolvers<void>();
    faulty.health = 'silent';
    faulty.onCall = (name) => {
      if (name === call) resolve();
    };
    let isResolved = false;
    const value = fetch().finally(() => (isResolved = true));
    await isCalled;
    await tick();
    clock.advance(99);
    await tick();
    expect(isResolved).toBe(false);
    clock.advance(1);
    expect(await value).toBe('value');
    expect(source.loads).toBe(1);
    expect(trace.text).toBe(text);
  });

  it('may reply late, which is ignored', async () => {
    const { fetch, clock, faulty, trace } = await newFaultyWorld();
    faulty.health = 'silent';
    const value = fetch();
    await tick();
    clock.advance(100);
    await value;
    faulty.health = 'well';
    faulty.answerAll();
    await tick();
    expect(trace.text).toBe('store-failed load miss');
  });

  it('may fill late: a value stored under an invalidated token is not read', async () => {
    const { fetch, cache, clock, faulty, trace, source } = await newFaultyWorld(['fill']);
    faulty.health = 'silent';
    const before = fetch({ tags: ['a'] });
    const failed = trace.next('store-failed');
    await trace.next('load');
    await tick();
    clock.advance(100);
    await failed;
    expect(await before).toBe('value');

    await cache.invalidate(['a']);
    faulty.answerAll();
    faulty.health = 'well';
    await tick();
    source.gives('new');
    expect(await fetch({ tags: ['a'] })).toBe('new');
    expect(await fetch({ tags: ['a'] })).toBe('new');
  });

  it('delays an invalidation by 100 ms at most', async () => {
    const { cache, clock, faulty } = await newFaultyWorld();
    faulty.health = 'silent';
    const done = cache.invalidate(['a']);
    await tick();
    clock.advance(100);
    await expect(done).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('leaves no timer behind if it replies in time', async () => {
    const { fetch, clock } = await newFaultyWorld();
    await fetch();
    await fetch();
    expect(clock.pending).toBe(0);
  });
});
