// A private Redis that a console has stopped.
import { expect, it } from 'vitest';
import { SelfStartingRedis, stoppedMsMax } from '../../schema/self-starting-redis.ts';
import { TestClock } from '../cache/world.ts';

function newWorld(): { redis: SelfStartingRedis; clock: TestClock; calls: string[] } {
  const clock = new TestClock();
  const calls: string[] = [];
  const server = { start: async () => void calls.push('start'), stop: async () => void calls.push('stop') };
  return { redis: new SelfStartingRedis(server, clock), clock, calls };
}

it('starts by itself if nobody has started it for a minute', async () => {
  const { redis, clock, calls } = newWorld();
  await redis.stop();
  clock.advance(stoppedMsMax - 1);
  expect(calls).toEqual(['stop']);
  clock.advance(1);
  expect(calls).toEqual(['stop', 'start']);
});

it('counts the minute from the last stop, and does not start again what was started', async () => {
  const { redis, clock, calls } = newWorld();
  await redis.stop();
  clock.advance(stoppedMsMax - 1);
  await redis.stop();
  clock.advance(stoppedMsMax - 1);
  expect(calls).toEqual(['stop', 'stop']);
  await redis.start();
  clock.advance(stoppedMsMax);
  expect(calls).toEqual(['stop', 'stop', 'start']);
  expect(clock.pending).toBe(0);
});

it('starts by itself also while it is still stopping', async () => {
  const { redis, clock, calls } = newWorld();
  void redis.stop();
  clock.advance(stoppedMsMax);
  expect(calls).toEqual(['stop', 'start']);
});
