// What is at a key and cannot be given: the lease does not give it either, and the next fill heals it.
import { describe, expect, it } from 'vitest';
import { holding, isWaiting, newProcesses, poll, tags } from './processes.ts';
import { SickStore } from './store/sick-store.ts';
import { newWorld, redisStore } from './world.ts';

describe('the value that was rejected', () => {
  it('is not given again by the lease, and what comes in its place is', async () => {
    const { one, client, key } = await newProcesses();
    const sick = new SickStore(await redisStore(one.namespace));
    const two = await newWorld(sick);
    await one.fetch({ tags });
    await client.unlink(`${one.namespace}:tag:products`);
    const { held, first } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    expect(sick.calls).toEqual(['read', 'acquire']);
    expect(await client.exists(key)).toBe(1);
    held.give('new');
    await first;
    await poll(two);
    expect(await waiting).toBe('new');
  });

  it('may be one of ours that lost its end', async () => {
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

  it.each(['hello', '{"a":1}'])('may be somebody else’s: %s', async (foreign) => {
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

  it('may have lost its end in time, or be of another type', async () => {
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
    'may be anything: %j',
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
