// Entries that a read has rejected: the lease request does not return them either, and the next fill replaces them.
import { describe, expect, it } from 'vitest';
import { holding, isWaiting, newProcesses, poll, tags } from './processes.ts';
import { FaultyStore } from './store/faulty-store.ts';
import { newWorld, redisStore } from './world.ts';

describe('a rejected entry', () => {
  it('is not returned by the lease request, which waits for its replacement', async () => {
    const { one, client, key } = await newProcesses();
    const faultyStore = new FaultyStore(await redisStore(one.namespace));
    const two = await newWorld(faultyStore);
    await one.fetch({ tags });
    await client.unlink(`${one.namespace}:tag:products`);
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    expect(faultyStore.calls).toEqual(['read', 'acquire']);
    expect(await client.exists(key)).toBe(1);
    held.give('new');
    await first;
    await poll(two);
    expect(await waiting).toBe('new');
  });

  it('is replaced if it is truncated', async () => {
    const { one, two, client, key } = await newProcesses();
    await one.fetch({ tags });
    const text = (await client.get(key)) ?? '';
    await client.set(key, text.slice(0, -20), 'PX', 60_000);
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    held.give('new');
    await first;
    await poll(two);
    expect(await waiting).toBe('new');
  });

  it.each(['hello', '{"a":1}'])('is replaced if it was not written by the cache: %s', async (foreign) => {
    const { one, two, client, key } = await newProcesses();
    await client.set(key, foreign, 'PX', 60_000);
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    held.give('healed');
    await first;
    await poll(two);
    expect(await waiting).toBe('healed');
    expect(two.source.loads).toBe(0);
  });

  it('is replaced if it has no TTL, or is of another type', async () => {
    const { one, client, key } = await newProcesses();
    await one.fetch({ tags });
    await client.persist(key);
    one.source.gives('new');
    expect(await one.fetch({ tags })).toBe('new');
    await client.unlink(key);
    await client.hset(key, 'field', 'value');
    one.source.gives('newer');
    expect(await one.fetch({ tags })).toBe('newer');
    expect(one.trace.take()).toBe('load write miss load write miss load write miss');
    expect(await one.fetch({ tags })).toBe('newer');
  });

  it.each(['', 'no JSON', '\uD800{"id":"', '{"id":"0123456789abcdef","key":"another’s"}'])(
    'is replaced, and reported as corrupt: %j',
    async (text) => {
      const { one, client, key } = await newProcesses();
      await client.set(key, text, 'PX', 60_000);
      expect(await one.fetch({ tags })).toBe('value');
      expect(one.trace.take()).toBe('entry-rejected(corrupt) load write miss');
      expect(await one.fetch({ tags })).toBe('value');
      expect(one.trace.text).toBe('hit');
    },
  );
});
