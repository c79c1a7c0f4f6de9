// One load per key in all processes. Each world is a process of its own, all of them on one Redis.
import { describe, expect, it } from 'vitest';
import { stampsDigestOf, stampsOf } from '../../src/cache/tags/tags.ts';
import { holding, isWaiting, newProcesses, poll, pollUntil, tags, type Processes } from './processes.ts';
import { FaultyStore } from './store/faulty-store.ts';
import { leaseFactor, newWorld, redisStore, times, tick, withResolvers, type HeldLoad, type World } from './world.ts';

describe('a request that misses a key that another process loads', () => {
  it('waits, and receives the value that the holder stores', async () => {
    const { one, two } = await newProcesses();
    const { held, first } = await holding(one);
    const waiting = two.outcome({ tags });
    for (const _ of times(5, Number)) await poll(two);
    held.give('value');
    expect(await first).toBe('value');
    await poll(two);
    const { value, state, tier, ageMs, ttlMs } = await waiting;
    expect({ value, state, tier }).toEqual({ value: 'value', state: 'shared', tier: null });
    expect((ageMs ?? Number.NaN) + (ttlMs ?? Number.NaN)).toBe(60_000);
    expect(two.source.loads).toBe(0);
    expect(two.trace.text).toBe('shared');
    expect(await two.fetch({ tags })).toBe('value');
  });

  it('does not wait for a foreign lease that has no TTL or a very long one', async () => {
    const { two, client, lease, key } = await newProcesses();
    const all = ['*', ...tags];
    const stamps = stampsOf(all, await two.store.capture(all));
    if (stamps === undefined) throw new Error('no tokens');
    for (const life of ['none', 'long']) {
      await client.unlink(key);
      await client.set(lease, 'x'.repeat(22) + stampsDigestOf(stamps));
      if (life === 'long') await client.pexpire(lease, leaseFactor * 600_000);
      two.source.gives(life);
      expect(await two.fetch({ tags })).toBe(life);
    }
    expect(two.trace.count('write')).toBe(2);
  });

  it('waits once for all requests of its process', async () => {
    const { one } = await newProcesses();
    const faultyStore = new FaultyStore(await redisStore(one.namespace));
    const two = await newWorld(faultyStore);
    const { held, first } = await holding(one);
    const waiting = times(50, () => two.fetch({ tags }));
    await isWaiting(two);
    held.give('value');
    await first;
    await poll(two);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['value']));
    expect(faultyStore.calls.filter((call) => call === 'acquire')).toHaveLength(2);
  });

  it('loads after the lease has expired; the late value of its holder is not stored', async () => {
    const { one, two, client, lease } = await newProcesses();
    let ageMs: number | null = Number.NaN;
    const { held, first } = await holding(one, { report: (how) => ({ ageMs } = how) });
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    expect(await client.pttl(lease)).toBeLessThanOrEqual(leaseFactor * 1_000);
    await client.unlink(lease);
    await poll(two);
    expect(await waiting).toBe('of two');
    expect(two.trace.text).toBe('load write miss');

    held.give('late');
    expect(await first).toBe('late');
    expect(ageMs).toBeNull();
    expect(one.trace.text).toBe('load write-refused(lease-lost) miss');
    expect(await two.fetch({ tags })).toBe('of two');
  });

  it('loads without waiting if the tag was invalidated during the load of the holder', async () => {
    const { one, two } = await newProcesses();
    const { held, first } = await holding(one);
    await two.cache.invalidate(tags);
    expect(await two.fetch({ tags })).toBe('of two');
    expect(two.source.loads).toBe(1);
    held.give('old');
    await first;
    expect(await two.fetch({ tags })).toBe('of two');
    expect(await one.fetch({ tags })).toBe('of two');
  });

  it('takes over the lease if the tag is invalidated while it waits', async () => {
    const { one, two } = await newProcesses();
    const { held } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    await one.cache.invalidate(tags);
    await poll(two);
    expect(await waiting).toBe('of two');
    held.give('old');
  });

  describe.each([
    ['fewer', [], ['reviews', 'categories']],
    ['more', ['reviews', 'categories'], []],
    ['different', ['reviews'], ['categories']],
  ])('if the holder expects %s tags for the field', (_name, knownToHolder, knownTags) => {
    const newPair = async (): Promise<{ one: World; two: World }> => {
      const one = await newWorld('redis', { knownTags: knownToHolder });
      const two = await newWorld('redis', { namespace: one.namespace, knownTags });
      two.source.gives('of two');
      await two.store.capture(['*', ...tags, 'reviews', 'categories']);
      return { one, two };
    };

    it('waits nevertheless, and receives the value that the holder stores', async () => {
      const { one, two } = await newPair();
      const { held, first } = await holding(one);
      const waiting = two.fetch({ tags });
      await isWaiting(two);
      for (const _ of times(3, Number)) await poll(two);
      held.give('value');
      expect(await first).toBe('value');
      await pollUntil(waiting, two);
      expect(await waiting).toBe('value');
      expect(one.trace.text).toBe('load write miss');
      expect(two.source.loads).toBe(0);
    });

    it('takes over the lease if a tag that both expect is invalidated', async () => {
      const { one, two } = await newPair();
      const { held, first } = await holding(one);
      const waiting = two.fetch({ tags });
      await isWaiting(two);
      await one.cache.invalidate(tags);
      await pollUntil(waiting, two);
      expect(await waiting).toBe('of two');
      held.give('old');
      await first;
      expect(one.trace.text).toContain('write-refused(lease-lost)');
    });
  });

  it('does not accept the value that the holder stores if the tag was invalidated meanwhile', async () => {
    const { one, two, client } = await newProcesses();
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    await client.unlink(`${one.namespace}:tag:products`);
    held.give('old');
    expect(await first).toBe('old');
    expect(one.trace.text).toBe('load write miss');
    await poll(two);
    expect(await waiting).toBe('of two');
  });

  it('loads at once, side by side with other processes, if the load of the holder failed, and stores', async () => {
    const { one, two } = await newProcesses();
    const three = await newWorld('redis', { namespace: one.namespace });
    const { held, first } = await holding(one);
    const [loadOfTwo, loadOfThree] = [two.source.hold(), three.source.hold()];
    const waiting = [two.fetch({ tags }), three.fetch({ tags })];
    await Promise.all([isWaiting(two), isWaiting(three)]);
    held.fail(new Error('no rows'));
    await expect(first).rejects.toThrow('no rows');
    await pollUntil(Promise.all([loadOfTwo.begun, loadOfThree.begun]), two, three);
    expect(two.trace.text + three.trace.text).toBe(''); // no lease timeout
    loadOfTwo.give('value');
    loadOfThree.give('value');
    expect(await Promise.all(waiting)).toEqual(['value', 'value']);
    expect(await one.fetch({ tags })).toBe('value');
    expect(one.source.loads).toBe(1);
  });

  it('loads at once if the value of the holder cannot be stored', async () => {
    const { one, two, client, lease } = await newProcesses();
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    held.give(new URL('http://a'));
    await first;
    await tick();
    await one.store.ping(); // resolves after the release
    expect(await client.get(lease)).toBe('open');
    expect(await client.pttl(lease)).toBeLessThanOrEqual(leaseFactor * 1_000);
    await poll(two);
    expect(await waiting).toBe('of two');
    expect(two.trace.text).toBe('load write miss');
  });

  it('finds no lease if the value of the holder was invalidated during its load and not stored', async () => {
    const { one, client, lease } = await newProcesses();
    const load = async (): Promise<unknown> => {
      await one.cache.invalidate(tags);
      return one.fetch({ field: 'Query.inner', tags });
    };
    await one.fetch({ tags, load });
    expect(one.trace.text).toBe('invalidate load write miss load write-refused(token-lost) miss');
    await tick();
    await one.store.ping(); // resolves after the release
    expect(await client.exists(lease)).toBe(0);
  });

  it('repeats its lease request after pauses that double from 2 to at most 50 ms', async () => {
    const { one, two } = await newProcesses();
    const { held } = await holding(one);
    const waiting = two.fetch({ tags });
    const pausesMs: number[] = [];
    for (const _ of times(7, Number)) {
      await isWaiting(two);
      pausesMs.push(two.clock.nextInMs);
      two.clock.advance(two.clock.nextInMs);
    }
    expect(pausesMs).toEqual([2, 4, 8, 16, 32, 50, 50]);
    held.give('value');
    await pollUntil(waiting, two);
  });

  it('waits longer than the deadline of the store, which each lease request has for itself', async () => {
    const { one } = await newProcesses();
    const faultyStore = new FaultyStore(await redisStore(one.namespace), ['acquire']);
    const two = await newWorld(faultyStore);
    faultyStore.health = 'mute';
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    const repeatWithSlowReply = async (): Promise<void> => {
      const callsBefore = faultyStore.calls.length;
      two.clock.advance(50); // ends the pause
      await expect.poll(() => faultyStore.calls.length).toBeGreaterThan(callsBefore);
      await tick();
      two.clock.advance(5);
      faultyStore.answerAll();
      await isWaiting(two);
    };
    for (const _ of times(40, Number)) await repeatWithSlowReply();
    held.give('value');
    await first;
    faultyStore.health = 'well';
    await pollUntil(waiting, two);
    expect(await waiting).toBe('value');
    expect(two.trace.text).toBe('shared');
  });

  it('loads after three seconds of waiting, and does not store', async () => {
    const { one, two, client, key } = await newProcesses();
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await pollUntil(waiting, two);
    expect(await waiting).toBe('of two');
    expect(two.trace.text).toBe('lease-timeout load miss');
    expect(two.clock.nowMs()).toBeGreaterThanOrEqual(3_000);
    expect(two.clock.nowMs()).toBeLessThanOrEqual(3_100);
    expect(await client.exists(key)).toBe(0);
    held.give('value');
    await first;
  });

  it('is rejected with CIRCULAR_LOAD if both processes wait for each other', async () => {
    const { one, two } = await newProcesses();
    const a = ({ fetch }: World): Promise<unknown> => fetch({ field: 'Query.a', load: () => b(worldOf(fetch)) });
    const b = ({ fetch }: World): Promise<unknown> => fetch({ field: 'Query.b', load: () => a(worldOf(fetch)) });
    const worldOf = (fetch: World['fetch']): World => (fetch === one.fetch ? one : two);
    const both = Promise.allSettled([a(one), b(two)]);
    await pollUntil(both, one, two);
    for (const outcome of await both) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CIRCULAR_LOAD' } });
    }
  });
});

describe('a request that reads before an invalidation and requests the lease after it', () => {
  const readBeforeInvalidation = async (
    { one }: Processes,
    meanwhile: () => Promise<unknown>,
  ): Promise<[World, Promise<unknown>]> => {
    const faultyStore = new FaultyStore(await redisStore(one.namespace), ['read']);
    const two = await newWorld(faultyStore);
    const { promise: isRead, resolve } = withResolvers<void>();
    faultyStore.onCall = () => resolve();
    faultyStore.health = 'mute';
    const fetching = two.fetch({ tags, load: one.source.load });
    await isRead;
    await faultyStore.ping(); // the store has executed the read, and its reply is held back
    await one.cache.invalidate(tags);
    await meanwhile();
    faultyStore.health = 'well';
    faultyStore.answerAll();
    return [two, fetching];
  };

  it('does not take over the lease of a load that began after the invalidation', async () => {
    const processes = await newProcesses();
    const { one } = processes;
    let held: HeldLoad | undefined;
    let first: Promise<unknown> | undefined;
    const [two, fetching] = await readBeforeInvalidation(processes, async () => ({ held, first } = await holding(one)));
    await isWaiting(two);
    held?.give('value');
    await pollUntil(fetching, two);
    expect(await fetching).toBe('value');
    await first; // `two` may read the value before `one` receives the reply to its fill
    expect(one.source.loads).toBe(1);
    expect(one.trace.text).toBe('invalidate load write miss');
  });

  it('acquires the lease with the current tokens, so that the next request waits for its load', async () => {
    const processes = await newProcesses();
    const { one } = processes;
    const load = one.source.hold(); // both processes load from this source
    const [, fetching] = await readBeforeInvalidation(processes, async () => {});
    await load.begun;
    const waiting = one.fetch({ tags });
    await isWaiting(one);
    load.give('value');
    await pollUntil(waiting, one);
    expect(await Promise.all([fetching, waiting])).toEqual(['value', 'value']);
    expect(one.source.loads).toBe(1);
  });
});
