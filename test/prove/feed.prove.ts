/** `npm run prove:feed`: what the change feed guarantees while other programs write and processes, Redis and PostgreSQL fail. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../../src/embedded/index.ts';
import { newProcess, newRedis, note, type EngineProcess } from './engine-processes.ts';
import type { TestRedis } from '../support/redis.ts';
import type { FeedStatus } from '../../src/kysely-cache/index.ts';

const scale = Number(process.env['SCALE'] ?? 1);
const rounds = (full: number): number => Math.max(1, Math.round(full * scale));
const processCount = 4;
const memoryBytesMax = 8_000_000;

interface World {
  readonly url: string;
  readonly redis: TestRedis;
  readonly sql: <Row extends object>(text: string) => Promise<Row[]>;
  readonly process: (way?: 'feed' | 'control') => Promise<EngineProcess>;
}

async function newWorld({ rows, memory = memoryBytesMax }: { rows: number; memory?: number }): Promise<World> {
  const postgres = await startPostgres({ sqlFiles: [], extraArgs: ['-c', 'max_connections=300'] });
  onTestFinished(() => postgres.stop());
  const { server } = await newRedis();
  const client = new Client({ connectionString: postgres.url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  const sql: World['sql'] = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows;
  await sql('create table counters (id int primary key, version int not null)');
  await sql(`insert into counters select n, 0 from generate_series(0, ${rows}) n`);
  await sql('create publication cachepot for all tables');
  return {
    url: postgres.url,
    redis: server,
    sql,
    process: (way = 'feed') =>
      newProcess('feed-process.mjs', { args: [server.socketPath, postgres.url, String(memory), way] }),
  };
}

it('a row changed by another program: every process returns the new value within milliseconds', async () => {
  const world = await newWorld({ rows: 100 });
  const processes = await Promise.all(Array.from({ length: processCount }, () => world.process()));
  const delaysMs: number[] = [];
  for (let round = 1; round <= rounds(1_000); round += 1) {
    const row = 1 + (round % 100);
    await Promise.all(processes.map((one) => one.run('readRows', { rows: [row] })));
    const [changed] = await world.sql<{ version: number }>(
      `update counters set version = version + 1 where id = ${row} returning version`,
    );
    const committedNs = Number(process.hrtime.bigint());
    const seenNs = await Promise.all(processes.map((one) => one.run<number>('until', { row, ...changed })));
    delaysMs.push(...seenNs.map((ns) => Math.max(0, ns - committedNs) / 1e6));
  }
  const sorted = delaysMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  note(
    `${sorted.length} reads: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, max ${at(1).toFixed(1)} ms`,
  );
  expect(at(1)).toBeLessThan(5_000);
}, 600_000);

it('no value is stale after an invalidation, unlike without the gate', async () => {
  const world = await newWorld({ rows: 1_000, memory: 0 });
  const count = rounds(20_000);
  const staleValues = async (way: 'control' | 'feed'): Promise<number> => {
    const one = await world.process(way);
    const stale = await one.run<number>('changeAndRead', { rows: 1_000, count });
    note(`${way}: ${count} updates, each followed by a read: ${stale} stale values stored`);
    one.child.kill('SIGKILL');
    return stale;
  };
  const control = await staleValues('control');
  // A short run may have none.
  expect(control).toBeGreaterThanOrEqual(scale < 1 ? 0 : 1);
  expect(await staleValues('feed')).toBe(0);
}, 1_200_000);

/** Kills or stops the process that reads the slot while rows are changed, and checks that no change was missed. */
async function tagsMissed(signal: 'SIGKILL' | 'SIGSTOP', count: number): Promise<number> {
  const world = await newWorld({ rows: 10_000 });
  let processes = await Promise.all(Array.from({ length: 3 }, () => world.process()));
  const takeoversMs: number[] = [];
  let missed = 0;
  for (let round = 0; round < count; round += 1) {
    const reader = await readerOf(processes);
    const others = processes.filter((one) => one !== reader);
    const rows = Array.from({ length: 20 }, (_, index) => 1 + ((round * 20 + index) % 10_000));
    await others[0]?.run('readRows', { rows });
    for (const row of rows.slice(0, 10)) await world.sql(`update counters set version = version + 1 where id = ${row}`);
    const killedMs = performance.now();
    reader.child.kill(signal);
    for (const row of rows.slice(10)) await world.sql(`update counters set version = version + 1 where id = ${row}`);
    const successor = await readerOf(others);
    takeoversMs.push(performance.now() - killedMs);
    // A change that comes after all others.
    const [mark] = await world.sql<{ version: number }>(
      'update counters set version = version + 1 where id = 0 returning version',
    );
    await Promise.all(others.map((one) => one.run('until', { row: 0, ...mark })));
    const expected = await world.sql<{ version: number }>(
      `select version from counters where id = any ('{${rows.join(',')}}') order by array_position('{${rows.join(',')}}', id)`,
    );
    for (const one of others) {
      const versions = await one.run<number[]>('readRows', { rows });
      missed += versions.filter((version, index) => version !== expected[index]?.version).length;
    }
    reader.child.kill('SIGKILL');
    processes = [successor, ...others.filter((one) => one !== successor), await world.process()];
  }
  const sorted = takeoversMs.toSorted((a, b) => a - b);
  note(
    `${signal}: ${count} times, ${missed} tags missed; takeover p50 ${sorted[Math.floor(count / 2)]?.toFixed(0)} ms, max ${sorted.at(-1)?.toFixed(0)} ms`,
  );
  return missed;
}

async function readerOf(processes: readonly EngineProcess[]): Promise<EngineProcess> {
  for (;;) {
    for (const one of processes) {
      const { state } = await one.run<FeedStatus>('status');
      if (state === 'reading') return one;
    }
    await pause(5);
  }
}

it('no change is missed while the process that reads the slot is killed', async () => {
  expect(await tagsMissed('SIGKILL', rounds(200))).toBe(0);
}, 1_200_000);

it('no change is missed while the process that reads the slot is stopped', async () => {
  expect(await tagsMissed('SIGSTOP', rounds(20))).toBe(0);
}, 1_200_000);
