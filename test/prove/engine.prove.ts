/** `npm run prove:engine`: what the engine guarantees to processes on one Redis. `READS=1000000` makes more reads. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createCache, createPolicy, createRedisStore } from '../../src/cache/index.ts';
import { eventsOf, newProcess, newRedis, note, type EngineProcess } from './engine-processes.ts';
import { violationsIn, type Log } from './oracle.ts';

const reads = Number(process.env['READS'] ?? 100_000);
/** The engine's default. */
const deadlineMs = 100;

interface ConcurrentFetches {
  /** The distinct values. */
  readonly values: readonly number[];
  readonly durationMs: number;
}

it('loads once per expiry in each of 20 rounds of 8 processes with 200 fetches each', async () => {
  const { processes, client } = await newProcesses(8);
  const rounds: number[] = [];
  const values: number[] = [];
  const durationsMs: number[] = [];
  for (let round = 0; round < 21; round += 1) {
    await client.pexpireat('shop:Query:field', 1);
    await client.del('source:loads');
    const pending = processes.map(({ run }) => run<ConcurrentFetches>('fetchAtOnce', { count: 200, loadMs: 30 }));
    const answers = await Promise.all(pending);
    if (round === 0) continue; // the first round warms up the processes
    rounds.push(Number(await client.get('source:loads')));
    values.push(new Set(answers.flatMap((answer) => answer.values)).size);
    durationsMs.push(Math.max(...answers.map(({ durationMs }) => durationMs)));
  }
  note(`loads in each of 20 rounds of 8 × 200 fetches: ${rounds.join(' ')}`);
  note(`the slowest of 1,600 answers, by round: ${durationsMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  note(await eventsOf(processes));
  expect(rounds).toEqual(rounds.map(() => 1));
  expect(values).toEqual(rounds.map(() => 1));
});

it('serves all waiting fetches with two loads after the holder of the lease is killed', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { processes, client } = await newProcesses(4);
    const [holder, ...others] = processes;
    holder?.child.send({ task: 'fetchAtOnce', count: 1, loadMs: 60_000 });
    await expect.poll(() => client.get('source:loads')).toBe('1');
    const pending = others.map(({ run }) => run<ConcurrentFetches>('fetchAtOnce', { count: 200, loadMs: 30 }));
    // The holder is killed once the others have requested the lease: they wait for three seconds, and it expires after
    // one. Of the commands that run here, only those of the acquire script include STRLEN.
    await expect
      .poll(async () => Number(/strlen:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]), { interval: 5 })
      .toBeGreaterThan(others.length + 1);
    holder?.child.kill('SIGKILL');
    const answers = await Promise.all(pending);
    const loads = Number(await client.get('source:loads'));
    const slowestMs = Math.max(...answers.map(({ durationMs }) => durationMs));
    note(`holder killed: 3 × 200 answered, ${loads} loads, the slowest after ${slowestMs.toFixed(0)} ms`);
    expect(new Set(answers.flatMap(({ values }) => values))).toEqual(new Set([2]));
    expect(loads).toBe(2);
  }
});

it('never gives a value that an acknowledged invalidation has made stale, unlike plain cache-aside', async () => {
  expect(await staleReads('control')).toBeGreaterThan(0);
  expect(await staleReads('cache')).toBe(0);
}, 3_600_000);

it('invalidates a tag and flushes a million entries, and reports the longest Redis command', async () => {
  const { server, client } = await newRedis();
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 5_000 });
  const cache = createCache({ store });
  onTestFinished(() => cache.close());
  await client.call('DEBUG', 'POPULATE', '1000000', 'shop:Query:entry', '200');
  await store.capture(['products', 'products:!', '*']);
  await client.config('SET', 'slowlog-log-slower-than', '100');

  const longestCommand = async (work: () => Promise<unknown>): Promise<{ ms: number; result: unknown }> => {
    await client.call('SLOWLOG', 'RESET');
    const result = await work();
    const entries = (await client.call('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][];
    return { ms: Math.max(0, ...entries.map(([, , micros]) => micros)) / 1_000, result };
  };
  const invalidated = await longestCommand(() => cache.invalidate(['products']));
  const flushed = await longestCommand(() => cache.flush());
  expect(flushed.result).toBe(1_000_000);
  note(`longest command: ${invalidated.ms} ms for the tag (0: below 0.1), ${flushed.ms} ms in the flush; at most 2`);
});

it('serves a thousand cold keys at once, and reports the time and the number of stored values', async () => {
  const { server } = await newRedis();
  const cache = createCache({ store: await createRedisStore({ address: server.socketPath, namespace: 'shop' }) });
  onTestFinished(() => cache.close());
  let stored = 0;
  cache.on(({ type }) => (stored += Number(type === 'write')));
  const tags = ['a', 'b', 'c'];
  for (let round = 0; round < 10; round += 1) {
    const policy = createPolicy('Query.cold', { ttl: '1m', tags });
    stored = 0;
    const startedMs = performance.now();
    const fetches = Array.from({ length: 1_000 }, (_, id) =>
      cache.fetch(cache.key({ field: 'Query.cold', args: { round, id } }), policy, () => id),
    );
    expect(await Promise.all(fetches)).toHaveLength(1_000);
    const tookMs = performance.now() - startedMs;
    await pause(500);
    note(`1,000 cold keys at once: ${tookMs.toFixed(0)} ms, ${stored} stored`);
  }
});

async function staleReads(way: 'control' | 'cache'): Promise<number> {
  const { processes } = await newProcesses(8);
  const startedMs = performance.now();
  const options = { way, count: reads / processes.length, rows: 8, readers: 12, writeEveryMs: 20 };
  const logs = await Promise.all(processes.map(({ run }) => run<Log>('readAndWrite', options)));
  const { violations, writes } = violationsIn(logs);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  note(`${way}: ${violations} of ${reads} reads stale, beside ${writes} writes, in ${seconds} s`);
  note(await eventsOf(processes));
  return violations;
}

async function newProcesses(count: number): Promise<{ processes: EngineProcess[]; client: Redis }> {
  const { server, client } = await newRedis();
  const args = [server.socketPath, String(deadlineMs)];
  const one = (): Promise<EngineProcess> => newProcess('engine-process.mjs', { args });
  return { processes: await Promise.all(Array.from({ length: count }, one)), client };
}
