/** `npm run prove:feed`: what the change feed guarantees while other programs write and processes, Redis and PostgreSQL fail. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { note, type EngineProcess } from './engine-processes.ts';
import { newWorld, processCount, rounds, scale, type World } from './feed-processes.ts';
import type { FeedStatus } from '../../src/kysely-cache/index.ts';

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
  const count = rounds(100_000);
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

/** For how long the memory tier of another process may return an older value. */
const lagMsMax = 500;

/** Kills or stops the process that reads the slot while rows are changed, and checks that no change was missed. */
async function tagsMissed(signal: 'SIGKILL' | 'SIGSTOP', count: number): Promise<number> {
  const world = await newWorld({ rows: 10_000 });
  let processes = await Promise.all(Array.from({ length: 3 }, () => world.process()));
  const takeoversMs: number[] = [];
  let missed = 0;
  let lagging = 0;
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
    // A change that comes after all others, of a value that is cached: otherwise it would be read before the log is.
    await Promise.all(others.map((one) => one.run('readRows', { rows: [0] })));
    const [mark] = await world.sql<{ version: number }>(
      'update counters set version = version + 1 where id = 0 returning version',
    );
    await Promise.all(others.map((one) => one.run('until', { row: 0, ...mark })));
    const expected = await world.sql<{ version: number }>(
      `select version from counters where id = any ('{${rows.join(',')}}') order by array_position('{${rows.join(',')}}', id)`,
    );
    const countOld = async (one: EngineProcess): Promise<number> => {
      const versions = await one.run<number[]>('readRows', { rows });
      return versions.filter((version, index) => version !== expected[index]?.version).length;
    };
    for (const one of others) {
      const old = await countOld(one);
      if (old === 0) continue;
      // The memory tier of a process that has not invalidated may lag for half a second.
      lagging += old;
      await pause(lagMsMax);
      missed += await countOld(one);
    }
    reader.child.kill('SIGKILL');
    processes = [successor, ...others.filter((one) => one !== successor), await world.process()];
  }
  const sorted = takeoversMs.toSorted((a, b) => a - b);
  note(
    `${signal}: ${count} times, ${missed} tags missed, ${lagging} values from memory lagged; takeover p50 ${sorted[Math.floor(count / 2)]?.toFixed(0)} ms, max ${sorted.at(-1)?.toFixed(0)} ms`,
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

/** Changes 200 rows while `fault` is going on, and returns how many of them a process still has as they were, when it is over. */
async function missedDuring(world: World, fault: () => Promise<void>): Promise<number> {
  const processes = await Promise.all(Array.from({ length: processCount }, () => world.process()));
  const rows = Array.from({ length: 200 }, (_, index) => 1 + index);
  for (const one of processes) await one.run('readRows', { rows });
  const isOver = fault();
  for (const row of rows) {
    await world.retrying(`update counters set version = version + 1 where id = ${row}`);
    await pause(1);
  }
  await isOver;
  const [mark] = await world.retrying<{ version: number }>(
    'update counters set version = version + 1 where id = 0 returning version',
  );
  await Promise.all(processes.map((one) => one.run('until', { row: 0, ...mark })));
  await Promise.all(processes.map((one) => feedIsUp(one)));
  const expected = await world.retrying<{ version: number }>(
    'select version from counters where id between 1 and 200 order by id',
  );
  let missed = 0;
  for (const one of processes) {
    const versions = await one.run<number[]>('readRows', { rows });
    missed += versions.filter((version, index) => version !== expected[index]?.version).length;
  }
  return missed;
}

async function feedIsUp(one: EngineProcess): Promise<void> {
  while (!['reading', 'waiting'].includes((await one.run<FeedStatus>('status')).state)) await pause(20);
}

it.each<[string, (world: World) => Promise<void>]>([
  [
    'Redis does not answer for ten seconds',
    async ({ redis }) => {
      redis.kill('SIGSTOP');
      await pause(10_000);
      redis.kill('SIGCONT');
    },
  ],
  [
    'PostgreSQL crashes and restarts',
    async ({ sql }) => {
      const [{ pid }] = (await sql<{ pid: number }>('select pg_backend_pid() as pid')) as [{ pid: number }];
      await pause(100);
      process.kill(pid, 'SIGKILL');
    },
  ],
  [
    'the slot is dropped',
    async ({ retrying }) => {
      await pause(100);
      await retrying(`do $$ begin
        loop
          perform pg_terminate_backend(active_pid) from pg_replication_slots;
          begin
            perform pg_drop_replication_slot(slot_name) from pg_replication_slots;
            exit;
          exception when object_in_use then
          end;
        end loop;
      end $$`);
    },
  ],
])(
  'no change is missed while %s',
  async (name, fault) => {
    const world = await newWorld({ rows: 1_000 });
    const missed = await missedDuring(world, () => fault(world));
    note(`${name}: of 800 values ${missed} missed`);
    expect(missed).toBe(0);
  },
  600_000,
);

it('a write whose process is killed between COMMIT and the invalidation is invalidated by the feed', async () => {
  const world = await newWorld({ rows: 1_000 });
  const reader = await world.process();
  const delaysMs: number[] = [];
  for (let row = 1; row <= rounds(20); row += 1) {
    await reader.run('readRows', { rows: [row] });
    const writer = await world.process();
    void writer.run('writeAndDie', { row });
    await once(writer.child, 'exit');
    const killedNs = Number(process.hrtime.bigint());
    const seenNs = await reader.run<number>('until', { row, version: -1 });
    delaysMs.push(Math.max(0, seenNs - killedNs) / 1e6);
  }
  note(
    `${delaysMs.length} times: the new value at most ${Math.max(...delaysMs).toFixed(0)} ms after the process was killed`,
  );
  expect(Math.max(...delaysMs)).toBeLessThan(5_000);
}, 600_000);

it('reports how much slower writes are, and what the process that reads them computes', async () => {
  // Writes are durable, as on a server that is not only for a test.
  const world = await newWorld({ rows: 10_000, settings: ['fsync=on', 'full_page_writes=on'] });
  const seconds = Math.max(2, rounds(5));
  const rates: { off: number[]; on: number[] } = { off: [], on: [] };
  const cpuPer10k: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    rates.off.push(await transactionsPerSecond(world.url, seconds));
    const reader = await world.process();
    const beganMs = await reader.run<number>('cpuMs');
    const rate = await transactionsPerSecond(world.url, seconds);
    rates.on.push(rate);
    cpuPer10k.push((((await reader.run<number>('cpuMs')) - beganMs) / (rate * seconds)) * 10_000);
    reader.child.kill('SIGKILL');
    await world.retrying('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active');
  }
  const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
  const lost = 100 * (1 - median(rates.on) / median(rates.off));
  note(
    `16 clients: ${median(rates.off).toFixed(0)} transactions/s, with the feed ${median(rates.on).toFixed(0)}: ${lost.toFixed(0)} % fewer`,
  );
  note(`the process that reads: ${median(cpuPer10k).toFixed(0)} ms of CPU for 10,000 changes`);
  expect(median(rates.on)).toBeGreaterThan(0);
}, 600_000);

async function transactionsPerSecond(url: string, seconds: number): Promise<number> {
  const script = fileURLToPath(new URL('feed-writes.sql', import.meta.url));
  const args = ['-n', '-c', '16', '-j', '2', '-T', String(seconds), '-f', script, url];
  const { stdout } = await promisify(execFile)(await pgbench(), args);
  return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
}

async function pgbench(): Promise<string> {
  const versions = (await readdir('/usr/lib/postgresql').catch(() => [])).toSorted((a, b) => Number(b) - Number(a));
  return versions[0] === undefined ? 'pgbench' : `/usr/lib/postgresql/${versions[0]}/bin/pgbench`;
}

it('reports what four processes ask of PostgreSQL while nothing changes', async () => {
  const world = await newWorld({ rows: 10 });
  const processes = await Promise.all(Array.from({ length: processCount }, () => world.process()));
  await Promise.all(processes.map((one) => feedIsUp(one)));
  await pause(5_000);
  const transactions = async (): Promise<number> => {
    const [row] = await world.sql<{ count: string }>(
      'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()',
    );
    return Number(row?.count);
  };
  const before = await transactions();
  const seconds = 60;
  await pause(seconds * 1_000);
  const statements = (await transactions()) - before - 1;
  note(`four processes for ${seconds} s: ${statements} statements, beside keepalives`);
  // Three processes wait for the lock, for ten seconds at a time: three statements each.
  expect(statements).toBeLessThan(processCount * seconds);
}, 600_000);
