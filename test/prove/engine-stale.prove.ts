/** Part of `npm run prove:engine`: what requests wait for when values expire, with `stale`, with `early` and without. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createCache, createMemoryStore, createPolicy } from '../../src/cache/index.ts';
import { TestClock } from '../cache/world.ts';
import { newProcess, newRedis, note, type EngineProcess } from './engine-processes.ts';

const processCount = 3;

interface World {
  readonly processes: readonly EngineProcess[];
  readonly client: Redis;
  readonly loads: () => Promise<number>;
}

async function newProcesses(): Promise<World> {
  const { server, client } = await newRedis();
  const args = [server.socketPath, '1000'];
  const processes = await Promise.all(
    Array.from({ length: processCount }, () => newProcess('engine-process.mjs', { args })),
  );
  return { processes, client, loads: async () => Number(await client.get('source:loads')) };
}

it('a hundred readers of an expired value in three processes cause one refresh, in each of 20 rounds', async () => {
  const { processes, loads } = await newProcesses();
  const read = async (count: number): Promise<number[]> => {
    const call = { count, loadMs: 30, ttl: '300ms', stale: '1m' };
    const answers = await Promise.all(processes.map((one) => one.run<{ values: number[] }>('fetchAtOnce', call)));
    return answers.flatMap(({ values }) => values);
  };
  await read(1);
  const perRound: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    await pause(400);
    const before = await loads();
    expect(new Set(await read(34))).toEqual(new Set([before]));
    await expect.poll(loads).toBeGreaterThan(before);
    await pause(100);
    perRound.push((await loads()) - before);
  }
  note(`refreshes in each of 20 rounds of 3 × 34 requests: ${perRound.join(' ')}`);
  expect(perRound).toEqual(perRound.map(() => 1));
}, 120_000);

it('reports how long requests wait while a value expires once a second', async () => {
  const { processes } = await newProcesses();
  const loadMs = 300;
  const measure = async (policy: object): Promise<{ p50: number; p99: number; max: number }> => {
    const call = { durationMs: 10_000, everyMs: 4, loadMs, ...policy };
    const results = await Promise.all(processes.map((one) => one.run<Float64Array>('fetchRegularly', call)));
    const sorted = Float64Array.from(results.flatMap((each) => [...each])).toSorted();
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  };
  const text = ({ p50, p99, max }: { p50: number; p99: number; max: number }): string =>
    `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(0)} ms`;
  await measure({ ttl: '1h' }); // warms up the processes, and loads the value
  const ratios: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const hits = await measure({ ttl: '1h' });
    const stale = await measure({ ttl: '1s', stale: '1m' });
    const early = await measure({ ttl: '1s', early: true });
    const without = await measure({ ttl: '1s' });
    note(`hits: ${text(hits)}; stale: ${text(stale)}; early alone: ${text(early)}; without: ${text(without)}`);
    ratios.push(stale.p99 / hits.p99);
    expect(without.p99).toBeGreaterThan(loadMs / 2);
    expect(stale.p99).toBeLessThan(loadMs / 2);
  }
  note(`p99 with stale, against hits: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`);
}, 300_000);

it('while the source is down for 30 s, no request fails, except for an invalidated value, and few loads are tried', async () => {
  const { processes, client } = await newProcesses();
  const during = (
    row: number,
    durationMs: number,
  ): Promise<{ answered: number; failed: number; lastValue: number }[]> => {
    const call = { durationMs, everyMs: 10, row };
    return Promise.all(processes.map((one) => one.run<never>('fetchBesideFaults', call)));
  };
  const attempts = async (row: number): Promise<number> => Number(await client.get(`source:attempts:${row}`));
  await during(1, 2_000);
  await during(2, 100);
  await client.set('source:down', '1');
  const before = await attempts(1);
  const down = await during(1, 30_000);
  const tried = (await attempts(1)) - before;
  const sum = (list: readonly { answered: number; failed: number }[], name: 'answered' | 'failed'): number =>
    list.reduce((total, one) => total + one[name], 0);
  note(
    `source down for 30 s: ${sum(down, 'answered')} requests answered, ${sum(down, 'failed')} failed, ${tried} loads tried`,
  );
  expect(sum(down, 'failed')).toBe(0);
  await processes[0]?.run('invalidateTag', { tag: 'Query.faulty2' });
  const invalidated = await during(2, 1_000);
  note(
    `of a value that was invalidated: ${sum(invalidated, 'answered')} answered, ${sum(invalidated, 'failed')} failed`,
  );
  expect(sum(invalidated, 'answered')).toBe(0);
  await client.del('source:down');
  const newest = Number(await client.get('source:loads'));
  const upMs = performance.now();
  while (!(await during(1, 100)).every(({ lastValue }) => lastValue > newest)) await pause(100);
  note(
    `the source is up again: every process has a new value after ${((performance.now() - upMs) / 1_000).toFixed(1)} s`,
  );
  expect(performance.now() - upMs).toBeLessThan(35_000);
  // One at a time, after 1, 2, 4, 8 and 16 s: each of three processes counts its own.
  expect(tried).toBeLessThan(20);
}, 200_000);

it('early refresh: how many requests wait over 10,000 expiries, against the formula', async () => {
  const [cycles, ttlMs, loadMs] = [10_000, 10_000, 300];
  for (const everyMs of [1_000, 300, 100]) {
    const clock = new TestClock();
    const cache = createCache({ store: createMemoryStore({ namespace: 'early', clock }), clock, log: false });
    onTestFinished(() => cache.close());
    const policy = createPolicy('Query.field', { ttl: `${ttlMs}ms`, early: true });
    const key = cache.key({ field: 'Query.field' });
    let [loads, waits, expectedWaits] = [0, 0, 0];
    cache.on(({ type }) => void (type === 'miss' && (waits += 1)));
    const fetch = async (): Promise<void> => {
      await cache.fetch(key, policy, () => {
        loads += 1;
        clock.stall(loadMs);
        return 'value';
      });
      await new Promise(setImmediate);
    };
    await fetch();
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const storedMs = clock.nowMs();
      const arrivals = arrivalsUntil(ttlMs, everyMs);
      // The value expires unless one of the requests before that refreshes it.
      expectedWaits += arrivals.slice(0, -1).reduce((p, ms) => p * (1 - Math.exp((ms - ttlMs) / loadMs)), 1);
      const before = loads;
      for (const arrivalMs of arrivals) {
        clock.stall(storedMs + arrivalMs - clock.nowMs());
        await fetch();
        if (loads > before) break;
      }
    }
    const [share, formula] = [(waits - 1) / cycles, expectedWaits / cycles];
    note(
      `a request every ${everyMs} ms: in ${(100 * share).toFixed(1)} % of ${cycles} expiries one waited, by the formula ${(100 * formula).toFixed(1)} %; ${loads} loads`,
    );
    expect(share).toBeCloseTo(formula, 1);
    expect(loads).toBe(cycles + 1);
  }
}, 300_000);

/** Random times, the last of which is after `endMs`. */
function arrivalsUntil(endMs: number, everyMs: number): readonly number[] {
  const arrivals: number[] = [];
  let ms = 0;
  while (ms <= endMs) {
    ms += -everyMs * Math.log(1 - Math.random());
    arrivals.push(ms);
  }
  return arrivals;
}
