// A histogram that is cheap to observe, with the same output as that of prom-client.
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DurationHistogram } from '../../../src/server/metrics/duration-histogram.ts';

const options = { name: 'test_seconds', help: 'Durations.', labelNames: ['tier'] as const, buckets: [0.125, 0.5, 2] };
/** Below, on and above each bound, and 0; exact in binary. */
const durationsMs = [0, 62.5, 125, 125.5, 250, 500, 500.5, 2_000, 2_000.5, 1e6];

it('has the text that prom-client has for the same durations', async () => {
  const [registry, expected] = [new Registry(), new Registry()];
  const histogram = new DurationHistogram({ registry, ...options });
  const plain = new Histogram({ ...options, labelNames: ['tier'], registers: [expected] });
  const [memory, redis] = [histogram.series({ tier: 'memory' }), histogram.series({ tier: 'redis' })];
  plain.zero({ tier: 'memory' });
  plain.zero({ tier: 'redis' });
  expect(await registry.metrics()).toBe(await expected.metrics());
  for (const durationMs of durationsMs) {
    memory.observe(durationMs);
    plain.observe({ tier: 'memory' }, durationMs / 1_000);
    expect(await registry.metrics()).toBe(await expected.metrics());
  }
  redis.observe(300);
  plain.observe({ tier: 'redis' }, 0.3);
  expect(await registry.metrics()).toBe(await expected.metrics());
});
