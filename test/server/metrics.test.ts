// What Prometheus is told of the requests: counts that only rise, however often it asks.
import { expect, it } from 'vitest';
import { createMetrics } from '../../src/server/metrics.ts';
import { newWorld } from '../cache/world.ts';

it('counts each answer of each field, by how it came about', async () => {
  const { cache } = await newWorld();
  const { registry } = createMetrics(cache);
  const lines = async (): Promise<string[]> => {
    const text = await registry.getSingleMetricAsString('cachepot_requests_total');
    return text.split('\n').filter((line) => !line.startsWith('#'));
  };
  const answered = (field: string, type: 'miss' | 'bypass'): void =>
    cache.emit({ type, key: `test:${field}`, field, durationMs: 1 });
  const hit = (tier: 'memory' | 'redis'): void =>
    cache.emit({ type: 'hit', key: 'test:a', field: 'a', tier, durationMs: 1, ageMs: 1, loadMs: 1 });
  answered('a', 'miss');
  answered('b', 'bypass');
  for (const tier of ['memory', 'redis', 'memory'] as const) hit(tier);
  const counts = (memory: number): string[] => [
    'cachepot_requests_total{field="a",state="miss",tier="none"} 1',
    `cachepot_requests_total{field="a",state="hit",tier="memory"} ${memory}`,
    'cachepot_requests_total{field="a",state="hit",tier="redis"} 1',
    'cachepot_requests_total{field="b",state="bypass",tier="none"} 1',
  ];
  expect(await lines()).toEqual(counts(2));
  expect(await lines()).toEqual(counts(2));
  hit('memory');
  expect(await lines()).toEqual(counts(3));
});
