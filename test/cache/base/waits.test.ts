import { expect, it } from 'vitest';
import { Waits } from '../../../src/cache/base/waits.ts';
import { TestClock, withResolvers } from '../world.ts';

const limit = { limitMs: 100, lateError: () => new Error('late') };

it('waits for work, until the limit', async () => {
  const clock = new TestClock();
  const waits = new Waits(clock);
  expect(await waits.until(Promise.resolve(1), limit)).toBe(1);
  await expect(waits.until(Promise.reject(new Error('failed')), limit)).rejects.toThrow('failed');
  const endless = waits.until(withResolvers<number>().promise, limit);
  clock.advance(100);
  await expect(endless).rejects.toThrow('late');
  expect(clock.pending).toBe(0);
});

it('ends all waits when it is closed, and later ones at once', async () => {
  const clock = new TestClock();
  const waits = new Waits(clock);
  const [work, pause] = [waits.until(withResolvers<number>().promise, limit), waits.pause(100)];
  waits.close();
  expect(await work).toBeUndefined();
  await pause;
  await waits.pause(100);
  expect(await waits.until(withResolvers<number>().promise, limit)).toBeUndefined();
  expect(clock.pending).toBe(0);
});

it('pauses', async () => {
  const clock = new TestClock();
  const state = { isOver: false };
  const pause = new Waits(clock).pause(100).then(() => (state.isOver = true));
  clock.advance(99);
  await Promise.resolve();
  expect(state.isOver).toBe(false);
  clock.advance(1);
  await pause;
});
