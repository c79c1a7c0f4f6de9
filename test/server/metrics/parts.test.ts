// What the metrics of the parts say, from their state and their events.
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { packageFile } from '../../../src/package-file.ts';
import { createMetrics } from '../../../src/server/metrics/metrics.ts';
import { newCdn, pass } from '../../cache/cdn/recorded-cdn.ts';
import { advanceUntil, newWorld, redisClient, tick } from '../../cache/world.ts';
import { startTestRedis } from '../../support/redis.ts';
import { startServer } from '../start-server.ts';
import { samplesOf } from './samples.ts';

function valueIn(line: string | undefined): number {
  return Number(line?.split(' ').at(-1)?.replace('+Inf', 'Infinity'));
}

it('measures hits by tier; a stale value that was returned after a failure is none', async () => {
  const { cache } = await newWorld();
  const metrics = createMetrics({ cache });
  const emit = (type: 'hit' | 'stale', tier: 'memory' | 'redis', durationMs: number): void =>
    cache.emit({ type, key: 'test:a', field: 'a', tier, durationMs, ageMs: 1, loadMs: 1 });
  emit('hit', 'memory', 0.0015);
  emit('hit', 'memory', 0.5);
  emit('hit', 'redis', 2);
  emit('stale', 'redis', 2_000);
  const samples = await samplesOf(metrics, 'cachepot_hit_seconds');
  expect(samples).toContain('cachepot_hit_seconds_bucket{le="0.000001",tier="memory"} 0');
  expect(samples).toContain('cachepot_hit_seconds_bucket{le="0.000002",tier="memory"} 1');
  expect(samples).toContain('cachepot_hit_seconds_bucket{le="0.0005",tier="memory"} 2');
  expect(samples).toContain('cachepot_hit_seconds_count{tier="memory"} 2');
  expect(samples).toContain('cachepot_hit_seconds_sum{tier="redis"} 0.002');
});

it('counts loads, loads that fail, and values that are not stored, by reason', async () => {
  const { cache, fetch } = await newWorld();
  const metrics = createMetrics({ cache });
  await fetch();
  await fetch({ field: 'Query.failing', load: () => Promise.reject(new Error('down')) }).catch(() => {});
  await fetch({ field: 'Query.odd', load: () => /not plain data/ });
  expect(await samplesOf(metrics, 'cachepot_load_seconds_count')).toEqual([
    'cachepot_load_seconds_count{field="Query.field"} 1',
    'cachepot_load_seconds_count{field="Query.odd"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_load_failures_total')).toEqual([
    'cachepot_load_failures_total{field="Query.failing"} 1',
  ]);
  expect(await samplesOf(metrics, 'cachepot_writes_refused_total')).toEqual([
    'cachepot_writes_refused_total{field="Query.odd",reason="unencodable"} 1',
  ]);
});

it('counts the bytes of stored values as Redis has them', async () => {
  const { cache, fetch } = await newWorld('redis');
  const metrics = createMetrics({ cache });
  await fetch({ load: () => '€'.repeat(1_000) });
  const client = await redisClient();
  const bytes = await client.strlen(cache.key({ field: 'Query.field' }).text);
  expect(bytes).toBeGreaterThan(3_000);
  expect(await samplesOf(metrics, 'cachepot_stored_bytes_total')).toEqual([
    `cachepot_stored_bytes_total{field="Query.field"} ${bytes}`,
  ]);
});

it('shows how old the last heartbeat is: infinitely old before the first', async () => {
  const { cache, clock } = await newWorld('redis', { memoryBytesMax: 1_000_000 });
  const metrics = createMetrics({ cache });
  const age = async (): Promise<number> =>
    valueIn((await samplesOf(metrics, 'cachepot_memory_heartbeat_age_seconds'))[0]);
  expect(await age()).toBe(Infinity);
  await advanceUntil(clock, 100, () => cache.memory?.isCoherent === true);
  const before = await age();
  expect(before).toBeLessThan(0.5);
  clock.stall(2_500);
  expect(await age()).toBeCloseTo(before + 2.5);
  expect(await samplesOf(metrics, 'cachepot_memory_coherent')).toEqual(['cachepot_memory_coherent 0']);
});

it('shows that the circuit is open, and which calls have failed', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const server = await startServer({ redis: redis.socketPath, deadlineMs: 500 });
  redis.kill('SIGKILL');
  const text = async (): Promise<string> => {
    await server.ask('{ categoryStats { id } }');
    return (await server.get('/metrics')).text;
  };
  await expect.poll(text).toContain('\ncachepot_breaker_open 1\n');
  expect(await text()).toMatch(/^cachepot_store_failures_total\{operation="\w+"\} [1-9]\d*$/m);
  await redis.restart();
  await expect.poll(text).toContain('\ncachepot_breaker_open 0\n');
});

it('shows the connections to PostgreSQL', async () => {
  const server = await startServer();
  await server.ask('{ categoryStats { id } }');
  const { text } = await server.get('/metrics');
  expect(text).toMatch(/^cachepot_pool_connections\{state="idle"\} [1-9]$/m);
  expect(text).toMatch(/^cachepot_pool_connections\{state="used"\} 0$/m);
  expect(text).toMatch(/^cachepot_pool_connections_max 10$/m);
  expect(text).toMatch(/^cachepot_pool_waiting 0$/m);
});

it('shows the result of the last warm-up', async () => {
  const server = await startServer({ warmsUp: true });
  expect((await server.get('/metrics')).text).not.toContain('cachepot_warm_up_queries{');
  await expect.poll(async () => (await server.get('/readyz')).status).toBe(200);
  const { text } = await server.get('/metrics');
  expect(text).toContain('cachepot_warm_up_queries{result="succeeded"} 3');
  expect(text).toContain('cachepot_warm_up_queries{result="failed"} 0');
  expect(valueIn(/^cachepot_warm_up_seconds .*/m.exec(text)?.[0])).toBeGreaterThan(0);
});

it('shows the purges of a CDN: those that have succeeded and failed, what is waiting, and what was given up', async () => {
  const { cache, clock } = await newWorld();
  const { cdn, close } = newCdn({ cache, clock }, { onInvalidate: (tags) => failIfWrong(tags) });
  const metrics = createMetrics({ cache, cdn });
  const purgeSamples = (): Promise<string[]> => samplesOf(metrics, 'cachepot_purge');
  const none = [
    'cachepot_purges_total{result="succeeded"} 0',
    'cachepot_purges_total{result="failed"} 0',
    'cachepot_purge_tags_given_up_total{reason="attempts"} 0',
    'cachepot_purge_tags_given_up_total{reason="closed"} 0',
  ];
  expect(await samplesOf(createMetrics({ cache }), 'cachepot_purge')).toEqual(none);
  await cache.invalidate(['wrong']);
  await tick();
  await cache.invalidate('everything');
  await tick();
  const waiting = (first: number, second: number, retry: number): string[] => [
    `cachepot_purge_tags_waiting{purge="first"} ${first}`,
    `cachepot_purge_tags_waiting{purge="second"} ${second}`,
    `cachepot_purge_tags_waiting{purge="retry"} ${retry}`,
  ];
  expect(await purgeSamples()).toEqual(expect.arrayContaining(waiting(0, 1, 2)));
  await pass(clock, 3_600_000, 1_000);
  expect(await purgeSamples()).toEqual([
    'cachepot_purges_total{result="succeeded"} 2',
    expect.stringMatching(/^cachepot_purges_total\{result="failed"\} 1\d\d$/),
    'cachepot_purge_tags_given_up_total{reason="attempts"} 2',
    'cachepot_purge_tags_given_up_total{reason="closed"} 0',
    ...waiting(0, 0, 0),
  ]);
  await cache.invalidate(['wrong']);
  await close();
  expect(await purgeSamples()).toContain('cachepot_purge_tags_given_up_total{reason="closed"} 2');
});

function failIfWrong(tags: readonly string[]): void {
  if (tags.some((tag) => tag.includes('wrong'))) throw new Error('the CDN answered 400');
}

it('names the build', async () => {
  const { cache } = await newWorld();
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  expect(await samplesOf(createMetrics({ cache }), 'cachepot_build_info')).toEqual([
    `cachepot_build_info{version="${version}",node="${process.versions.node}"} 1`,
  ]);
});
