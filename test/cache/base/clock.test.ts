import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/cache/base/clock.ts';

it('runs a due task after a message that arrived while the process was blocked', async () => {
  const first = await new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.on('message', () => {
      port2.close();
      resolve('heard');
    });
    systemClock.after(5, () => resolve('late'));
    port1.postMessage('read in the next tick');
    const endMs = performance.now() + 50;
    while (performance.now() < endMs);
  });
  expect(first).toBe('heard');
});

it('runs a task when it is due, and does not run a cancelled task', async () => {
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
