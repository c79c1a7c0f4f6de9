// What the log says of the memory tier: what lasts, and never the opposite of what is.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { cacheLogOf } from '../../src/server/cache-log.ts';
import { newWorld } from '../cache/world.ts';

it('says that the memory tier is left out where that lasts, and last of all what is', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });
  const { cache, clock } = await newWorld('memory', { log: cacheLogOf(log) });
  const answers = 'the memory tier is in use: changes in Redis are received';
  const isLeftOut = 'the memory tier is bypassed: changes in Redis are not received';
  for (let flaps = 0; flaps < 20; flaps += 1) {
    cache.emit({ type: 'memory-coherent' });
    cache.emit({ type: 'memory-incoherent' });
    clock.advance(200);
  }
  expect(lines).toEqual([answers]);
  clock.advance(1_000);
  expect(lines).toEqual([answers, isLeftOut]);
  cache.emit({ type: 'memory-coherent' });
  clock.advance(2_000);
  expect(lines).toEqual([answers, isLeftOut, answers]);
});
