/**
 * `npm run prove:engine`: one load per cold key with the default settings. Four processes of the built program run on
 * one machine; each is busy with its share of the burst while it waits for Redis.
 *
 * `RUNS=5` repeats the test with new processes.
 */
import { inject, expect, it, onTestFinished } from 'vitest';
import { createClient } from '../server/client.ts';
import { startProgram, type Program } from '../server/start-program.ts';
import { startTestRedis } from '../support/redis.ts';
import { note } from './engine-processes.ts';
import { freePort } from '../support/free-port.ts';

const runs = Number(process.env['RUNS'] ?? 1);
const programsCount = 4;
const requestsEach = 40;
const rounds = 12;

it.each(Array.from({ length: runs }, (_, run) => run + 1))(
  'loads a cold key once in each of 12 rounds of 4 processes with 40 requests each (run %i)',
  async () => {
    const programs = await newPrograms();
    const loads: number[] = [];
    const slowestMs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = await loadsOf(programs);
      const query = `{ searchProducts(q: "round ${round}") { id } }`;
      const startedMs = performance.now();
      const pending = programs.flatMap(({ url }) => Array.from({ length: requestsEach }, () => ask(url, query)));
      for (const answer of await Promise.all(pending)) expect(answer).toEqual({ searchProducts: [] });
      slowestMs.push(performance.now() - startedMs);
      loads.push((await loadsOf(programs)) - before);
    }
    note(`loads in each of ${rounds} rounds of ${programsCount} × ${requestsEach} requests: ${loads.join(' ')}`);
    note(`the slowest of 160 answers, by round: ${slowestMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    for (const line of await storeProblemsOf(programs)) note(line);
    expect(loads).toEqual(loads.map(() => 1));
  },
);

/** Starts the programs with the default settings, which include the simulated latency. */
async function newPrograms(): Promise<readonly Program[]> {
  const port = await freePort();
  const redis = await startTestRedis(['--port', String(port)]);
  onTestFinished(() => redis.stop());
  const env = {
    DATABASE_URL: inject('databaseUrl'),
    REDIS_URL: `redis://127.0.0.1:${port}`,
    SIMULATED_LATENCY: 'on',
  };
  const programs = await Promise.all(Array.from({ length: programsCount }, () => startProgram({ env })));
  await Promise.all(programs.map((program) => program.isUp()));
  return programs;
}

async function ask(url: string, query: string): Promise<unknown> {
  return (await createClient(url).ask(query)).data;
}

async function loadsOf(programs: readonly Program[]): Promise<number> {
  const counts = await metricsOf(programs, /^cachepot_load_seconds_count\{.*\} (\d+)$/gm);
  return counts.reduce((sum, [, count = '0']) => sum + Number(count), 0);
}

/** The metrics of the programs about a slow or failing Redis; none if there was no such problem. */
async function storeProblemsOf(programs: readonly Program[]): Promise<readonly string[]> {
  const lines = await metricsOf(programs, /^cachepot_(?:store_slow|store_failures|lease_timeouts)_total\{.*$/gm);
  return lines.map(([line]) => line);
}

async function metricsOf(programs: readonly Program[], pattern: RegExp): Promise<RegExpExecArray[]> {
  const texts = await Promise.all(programs.map(async ({ url }) => (await createClient(url).get('/metrics')).text));
  return texts.flatMap((text) => [...text.matchAll(pattern)]);
}
