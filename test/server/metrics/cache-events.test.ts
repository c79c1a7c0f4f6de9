// What no request reports: failures that a stored value hides, entries that are not used, and invalidations.
import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';
import { age, newWorld, redisClient, settled, type FetchCall } from '../../cache/world.ts';
import { samplesOf } from './samples.ts';

const products: FetchCall = { field: 'Query.products', args: { id: 1 }, ttl: '10m', tags: ['products'] };

it('counts failed loads whose requests received an expired value', async () => {
  const world = await newWorld();
  const metrics = createMetrics(world);
  await world.fetch({ ...products, staleIfError: '1h' });
  await age(world, 600_001);
  world.source.fails(new Error('down'));
  await world.fetch({ ...products, staleIfError: '1h' });
  await world.fetch({ field: 'Query.unstored' }).catch(() => {});
  expect(await samplesOf(metrics, 'cachepot_load_failures_total')).toEqual([
    'cachepot_load_failures_total{field="Query.products"} 1',
    'cachepot_load_failures_total{field="Query.unstored"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_failures_hidden_total')).toEqual([
    'cachepot_failures_hidden_total{field="Query.products"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_background_failures_total')).toEqual([]);
});

it('counts refreshes in the background that failed', async () => {
  const world = await newWorld();
  const metrics = createMetrics(world);
  await world.fetch({ ...products, stale: '1h' });
  await age(world, 600_001);
  world.source.fails(new Error('down'));
  await world.fetch({ ...products, stale: '1h' });
  await settled(world);
  expect(await samplesOf(metrics, 'cachepot_background_failures_total')).toEqual([
    'cachepot_background_failures_total{field="Query.products"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_failures_hidden_total')).toEqual([]);
});

it('counts refreshes of stale values among the loads, and refills and misses not as such', async () => {
  const world = await newWorld();
  const metrics = createMetrics(world);
  const call: FetchCall = { ...products, stale: '1h', refill: true };
  await world.fetch(call);
  await age(world, 600_001);
  await Promise.all([world.fetch(call), world.fetch(call)]);
  await settled(world);
  const refill = world.trace.next('refill');
  await world.cache.invalidate(['products']);
  await refill;
  expect(await samplesOf(metrics, 'cachepot_load_seconds_count')).toEqual([
    'cachepot_load_seconds_count{field="Query.products"} 3',
  ]);
  expect(await samplesOf(metrics, 'cachepot_refreshes_total')).toEqual([
    'cachepot_refreshes_total{field="Query.products"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_refills_total')).toEqual([
    'cachepot_refills_total{field="Query.products"} 1',
  ]);
});

it('counts stored values that were not used, by reason', async () => {
  const { cache, fetch } = await newWorld('redis');
  const metrics = createMetrics({ cache });
  await fetch(products);
  await cache.invalidate(['products']);
  await fetch(products);
  const client = await redisClient();
  await client.set(cache.key({ field: 'Query.products', args: { id: 1 } }).text, 'damaged', 'PX', 60_000);
  await fetch(products);
  cache.emit({ type: 'decode-failed', codec: 'Decimal', error: new Error('another version') });
  expect(await samplesOf(metrics, 'cachepot_entries_rejected_total')).toEqual([
    'cachepot_entries_rejected_total{field="Query.products",reason="invalidated"} 1',
    'cachepot_entries_rejected_total{field="Query.products",reason="corrupt"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_decode_failures_total')).toEqual(['cachepot_decode_failures_total 1']);
});

it('counts invalidations by how they were made', async () => {
  const { cache } = await newWorld();
  const metrics = createMetrics({ cache });
  const counts = async (): Promise<string[]> => {
    const samples = await samplesOf(metrics, 'cachepot_invalidations_total');
    return samples.map((line) => line.replace('cachepot_invalidations_total{operation=', ''));
  };
  expect(await counts()).toEqual(['"invalidate"} 0', '"feed"} 0', '"delete"} 0', '"flush"} 0']);
  for (let times = 0; times < 4; times += 1) await cache.invalidate(['products']);
  for (let times = 0; times < 3; times += 1) await cache.invalidate(['products:1'], { isFed: true });
  for (let times = 0; times < 2; times += 1) await cache.delete('Query.products', { id: 1 });
  await cache.flush();
  expect(await counts()).toEqual(['"invalidate"} 4', '"feed"} 3', '"delete"} 2', '"flush"} 1']);
});
