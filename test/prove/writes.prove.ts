/** `npm run prove:writes`: what `writing` guarantees to processes on one Redis and one PostgreSQL. `READS=1000000` makes more reads. */
import { expect, it, onTestFinished } from 'vitest';
import { Client } from 'pg';
import { createEmptyDatabase } from '../support/databases.ts';
import { eventsOf, newProcess, newRedis, note } from './engine-processes.ts';
import { violationsIn, type Log } from './oracle.ts';

const reads = Number(process.env['READS'] ?? 100_000);
const processCount = 4;
const rows = 8;

interface WriteLog extends Log {
  readonly rolledBack: number;
}

it('no read that begins after a write was answered is older, unlike with an invalidation before COMMIT', async () => {
  const control = await run('control');
  const { stale, uncommitted } = await run('writing');
  expect(control.stale + control.uncommitted).toBeGreaterThan(0);
  expect([stale, uncommitted]).toEqual([0, 0]);
}, 3_600_000);

it('with memory tiers, other processes lag: reports how many reads were older', async () => {
  expect((await run('writing', 8_000_000)).uncommitted).toBe(0);
}, 3_600_000);

async function run(way: 'control' | 'writing', memoryBytesMax = 0): Promise<{ stale: number; uncommitted: number }> {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  const client = new Client({ connectionString: database.url });
  client.on('error', () => {});
  await client.connect();
  await client.query('create table counters (id int primary key, version int not null)');
  await client.query('insert into counters select n, 0 from generate_series(0, $1::int - 1) n', [rows]);
  await client.end();
  const { server } = await newRedis();
  const args = [server.socketPath, database.url, String(memoryBytesMax)];
  const processes = await Promise.all(
    Array.from({ length: processCount }, () => newProcess('writes-process.mjs', { args })),
  );
  const startedMs = performance.now();
  const options = { way, count: reads / processCount, rows, readers: 12, writers: 2 };
  const logs = await Promise.all(processes.map((one) => one.run<WriteLog>('readAndWrite', options)));
  const { violations, writes } = violationsIn(logs);
  const uncommitted = logs.reduce((sum, log) => sum + uncommittedIn(log), 0);
  const rolledBack = logs.reduce((sum, log) => sum + log.rolledBack, 0);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  note(
    `${way}, ${memoryBytesMax === 0 ? 'no memory tiers' : 'memory tiers'}: of ${reads} reads ${violations} stale, ${uncommitted} uncommitted, in ${seconds} s`,
  );
  note(`${writes} writes committed, ${rolledBack} rolled back; ${await eventsOf(processes)}`);
  for (const { child } of processes) child.kill('SIGKILL');
  return { stale: violations - uncommitted, uncommitted };
}

/** Reads of a version that was never committed; the oracle counts them as stale, too. */
function uncommittedIn({ reads: log }: Log): number {
  let count = 0;
  for (let at = 1; at < log.length; at += 3) count += Number((log[at] ?? 0) < 0);
  return count;
}
