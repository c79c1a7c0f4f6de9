import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/cache/base/clock.ts';

it('hears what has arrived while this process stood still, before it says that it is late', async () => {
  const first = await new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.on('message', () => {
      port2.close();
      resolve('heard');
    });
    systemClock.after(5, () => resolve('late'));
    port1.postMessage('read in the next turn');
    const endMs = performance.now() + 50;
    while (performance.now() < endMs);
  });
  expect(first).toBe('heard');
});

it('runs a task once it is due, and none that was cancelled', async () => {
  const run: string[] = [];
  systemClock.after(1, () => run.push('cancelled'))();
  await new Promise<void>((resolve) => {
    systemClock.after(5, () => {
      run.push('due');
      resolve();
    });
  });
  expect(run).toEqual(['due']);
});
