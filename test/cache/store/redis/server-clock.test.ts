import { expect, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../../../src/cache/index.ts';
import { ServerClock } from '../../../../src/cache/store/redis/server-clock.ts';
import { startTestRedis } from '../../../support/redis.ts';
import { redisClient, TestClock, times, withResolvers } from '../../world.ts';

it('continues from the last reply of the server by the clock of this process', () => {
  const clock = new TestClock();
  const server = new ServerClock(clock);
  expect(server.nowMs()).toBeUndefined();
  expect(server.observe(['1700000000', '123456'])).toBe(1_700_000_000_123.456);
  clock.advance(400);
  expect(server.nowMs()).toBeCloseTo(1_700_000_000_523.456);
  server.observe(['1600000000', '0']); // the server clock was set back
  expect(server.nowMs()).toBe(1_600_000_000_000);
});

it('is due before the first reply, then once a second', () => {
  const clock = new TestClock();
  const server = new ServerClock(clock);
  expect(server.isDue).toBe(true);
  server.observe(['1700000000', '0']);
  clock.advance(999);
  expect(server.isDue).toBe(false);
  clock.advance(1);
  expect(server.isDue).toBe(true);
});

it('requests the time once a second, however much is read and written, and again on each new connection', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const client = await redisClient(server.socketPath);
  const timeCalls = async (): Promise<number> =>
    Number(/cmdstat_time:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  const clock = new TestClock();
  let ready = (): void => {};
  const store = await createRedisStore({
    address: server.socketPath,
    namespace: 'shop',
    deadlineMs: 20_000,
    clock,
    onReady: () => ready(),
  });
  onTestFinished(() => store.close());

  await store.capture(['a']);
  for (const index of times(5, Number)) {
    await store.read(`shop:${index}`, ['a']);
    await store.write(`shop:${index}`, { text: 'text', ttlMs: 60_000, tags: [] });
  }
  expect(await timeCalls()).toBe(1);
  clock.advance(1_000);
  await store.read('shop:a', ['a']);
  expect(await timeCalls()).toBe(2);

  const { promise: isReady, resolve } = withResolvers<void>();
  ready = resolve;
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await isReady;
  await store.tokens(['a']); // in the round trip that learns which database the connection is in
  await store.write('shop:a', { text: 'text', ttlMs: 60_000, tags: [] });
  expect(await timeCalls()).toBe(3);
});
