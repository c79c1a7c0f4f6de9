// The metrics of requests: counters that only increase, no matter how often Prometheus reads them.
import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';
import { newWorld } from '../../cache/world.ts';

it('counts the requests of each field by outcome and tier', async () => {
  const { cache } = await newWorld();
  const { registry } = createMetrics({ cache });
  const lines = async (): Promise<string[]> => {
    const text = await registry.getSingleMetricAsString('cachepot_requests_total');
    return text.split('\n').filter((line) => !line.startsWith('#'));
  };
  const emit = (field: string, type: 'miss' | 'bypass'): void =>
    cache.emit({ type, key: `test:${field}`, field, durationMs: 1 });
  const emitHit = (tier: 'memory' | 'redis'): void =>
    cache.emit({ type: 'hit', key: 'test:a', field: 'a', tier, durationMs: 1, ageMs: 1, loadMs: 1 });
  emit('a', 'miss');
  emit('b', 'bypass');
  for (const tier of ['memory', 'redis', 'memory'] as const) emitHit(tier);
  const counts = (memory: number): string[] => [
    'cachepot_requests_total{field="a",state="miss",tier="none"} 1',
    `cachepot_requests_total{field="a",state="hit",tier="memory"} ${memory}`,
    'cachepot_requests_total{field="a",state="hit",tier="redis"} 1',
    'cachepot_requests_total{field="b",state="bypass",tier="none"} 1',
  ];
  expect(await lines()).toEqual(counts(2));
  expect(await lines()).toEqual(counts(2));
  emitHit('memory');
  expect(await lines()).toEqual(counts(3));
});
