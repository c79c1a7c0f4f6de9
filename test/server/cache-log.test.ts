// Log lines about the memory tier: short interruptions are not logged, and the last line states whether it is in use.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { cacheLogOf } from '../../src/server/cache-log.ts';
import { newWorld } from '../cache/world.ts';

it('logs that the memory tier is bypassed only if that lasts a second, and then when it is in use again', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });
  const { cache, clock } = await newWorld('memory', { log: cacheLogOf(log) });
  const inUse = 'the memory tier is in use: changes in Redis are received';
  const bypassed = 'the memory tier is bypassed: changes in Redis are not received';
  for (let flaps = 0; flaps < 20; flaps += 1) {
    cache.emit({ type: 'memory-coherent' });
    cache.emit({ type: 'memory-incoherent' });
    clock.advance(200);
  }
  expect(lines).toEqual([inUse]);
  clock.advance(1_000);
  expect(lines).toEqual([inUse, bypassed]);
  cache.emit({ type: 'memory-coherent' });
  clock.advance(2_000);
  expect(lines).toEqual([inUse, bypassed, inUse]);
});
