/**
 * `npm run prove:deploy`: a cold cache under load, with and without warm-up: a new version that shares no values with the old one is rolled
 * out over two processes, and a Redis is restarted empty.
 */
import { expect, it } from 'vitest';
import type { Program } from '../server/start-program.ts';
import { freePort } from '../support/free-port.ts';
import { startBalancer } from './balancer.ts';
import { median, quantile, startLoad, type Load } from './load.ts';
import { newRedis, note, startReadyProgram } from './programs.ts';

const rounds = 5;
const clients = 24;
const loadsAtOnce = 8;

/** Eight requests in ten are for what the warm-up loads, the others for 48 searches. */
const popular = ['{ categoryStats { id name } }', '{ topProducts { id name } }', '{ searchProducts { id } }'];
const documents = (index: number): string[] => [
  ...popular,
  `{ searchProducts(limit: ${1 + 2 * index}) { id } }`,
  ...popular,
  `{ searchProducts(limit: ${2 + 2 * index}) { id } }`,
  ...popular.slice(0, 2),
];

interface ColdStart {
  readonly failures: readonly string[];
  /** Of the requests of the first two seconds. */
  readonly p99Ms: number;
  /** From the first request to a cold process. */
  readonly warmAfterMs: number;
  readonly loadsAtOnce: number;
}

const modes = ['off', 'on'] as const;

it.each([
  ['a new version is rolled out', rollOut],
  ['Redis is restarted empty', restartRedis],
])(
  '%s: no failed request, a limited number of loads, and soon hits',
  async (what, coldStart) => {
    const results = new Map<string, ColdStart[]>(modes.map((mode) => [mode, []]));
    for (let round = 0; round < rounds; round += 1)
      for (const mode of modes) results.get(mode)?.push(await coldStart(mode));
    for (const [mode, all] of results) {
      const p99Ms = all.map((one) => one.p99Ms.toFixed(0));
      const warmAfterMs = all.map((one) => one.warmAfterMs.toFixed(0));
      const most = Math.max(...all.map((one) => one.loadsAtOnce));
      note(`${what}, WARM_UP=${mode}: p99 of the first 2 s ${p99Ms.join(' ')} ms, hit rate of 95 % after`);
      note(
        `  ${warmAfterMs.join(' ')} ms, median ${median(all.map((one) => one.warmAfterMs)).toFixed(0)}; loads at once ${most} at most`,
      );
      expect(all.flatMap(({ failures }) => failures)).toEqual([]);
      expect(most).toBeLessThanOrEqual(loadsAtOnce);
    }
  },
  600_000,
);

const settings = (mode: string, redisUrl: string, version: string): Record<string, string> => ({
  REDIS_URL: redisUrl,
  WARM_UP: mode,
  LOADS_AT_ONCE: String(loadsAtOnce),
  SIMULATED_LATENCY: 'on',
  CACHE_NAMESPACE: version,
  CHANGE_FEED: 'off',
});

async function rollOut(mode: string): Promise<ColdStart> {
  const { redisUrl } = await newRedis();
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  const start = (index: number, version: string): Promise<Program> =>
    startReadyProgram({ ...settings(mode, redisUrl, version), PORT: String(ports[index]) });
  const old = [await start(0, 'old'), await start(1, 'old')];
  const balancer = await startBalancer(ports.map((port) => `http://127.0.0.1:${port}`));
  await expect.poll(() => old.every(({ url }) => balancer.isUsed(url))).toBe(true);
  const load = startLoad(balancer.url, { clients, documents });
  await untilWarm(old);
  load.phase();
  const fresh: Program[] = [];
  const watch = watchLoads(fresh);
  for (const [index, one] of old.entries()) {
    const program = await start(2 + index, 'new');
    fresh.push(program);
    await expect.poll(() => balancer.isUsed(program.url), { interval: 20 }).toBe(true);
    one.signal('SIGTERM');
    if (index === 0) load.phase();
    await one.ended;
  }
  return await finish(load, fresh, watch);
}

async function restartRedis(mode: string): Promise<ColdStart> {
  const { redis, redisUrl } = await newRedis();
  const programs = await Promise.all([0, 1].map(() => startReadyProgram(settings(mode, redisUrl, 'shop'))));
  const balancer = await startBalancer(programs.map(({ url }) => url));
  await expect.poll(() => programs.every(({ url }) => balancer.isUsed(url))).toBe(true);
  const load = startLoad(balancer.url, { clients, documents });
  await untilWarm(programs);
  const watch = watchLoads(programs);
  load.phase();
  await redis.restart();
  return await finish(load, programs, watch);
}

/** The cold start has begun: measures until the hit rate is high, and the times of its first two seconds. */
async function finish(load: Load, programs: readonly Program[], watch: LoadsWatch): Promise<ColdStart> {
  const startedMs = performance.now();
  const warm = untilWarm(programs).then(() => performance.now() - startedMs);
  await new Promise((resolve) => void setTimeout(resolve, 2_000));
  const { durationsMs, failures } = load.phase();
  const warmAfterMs = await warm;
  await load.stop();
  await Promise.all(
    programs.map((program) => {
      program.signal('SIGTERM');
      return program.ended;
    }),
  );
  const all = [...failures, ...load.phase().failures];
  return { failures: all, p99Ms: quantile(durationsMs, 0.99), warmAfterMs, loadsAtOnce: watch.stop() };
}

/** Resolves when 95 % of the cached fields that were requested within half a second were hits. */
async function untilWarm(programs: readonly Program[]): Promise<void> {
  const windowSamples = 10;
  const samples: { hits: number; all: number }[] = [];
  for (;;) {
    await new Promise((resolve) => void setTimeout(resolve, 50));
    const counts = await Promise.all(programs.map(({ url }) => requestCounts(url)));
    const sum = { hits: 0, all: 0 };
    for (const { hits, all } of counts) {
      sum.hits += hits;
      sum.all += all;
    }
    samples.push(sum);
    const before = samples.at(-1 - windowSamples);
    if (before === undefined || sum.all - before.all < 50) continue;
    if ((sum.hits - before.hits) / (sum.all - before.all) >= 0.95) return;
  }
}

async function requestCounts(url: string): Promise<{ hits: number; all: number }> {
  const lines = (await metricsOf(url)).split('\n').filter((line) => line.startsWith('cachepot_requests_total{'));
  const sum = (some: readonly string[]): number =>
    some.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  return { hits: sum(lines.filter((line) => line.includes('state="hit"'))), all: sum(lines) };
}

interface LoadsWatch {
  /** Returns the highest number of loads that one process ran at once. */
  stop: () => number;
}

function watchLoads(programs: readonly Program[]): LoadsWatch {
  let most = 0;
  const timer = setInterval(() => {
    for (const { url } of programs) {
      void runningLoads(url).then((running) => (most = Math.max(most, running)));
    }
  }, 25);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

async function runningLoads(url: string): Promise<number> {
  return Number(/^cachepot_loads_running (\d+)/m.exec(await metricsOf(url))?.[1] ?? 0);
}

/** Empty while the program does not listen. */
async function metricsOf(url: string): Promise<string> {
  return await fetch(`${url}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  );
}
