/** Part of `npm run prove:feed`: statements that change many rows, and commits that become visible long after the log has them. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { note } from './engine-processes.ts';
import { newWorld, rounds, scale, type World } from './feed-processes.ts';

const sizes = [rounds(10_000), rounds(100_000), rounds(1_000_000)];

it('a statement that changes many rows needs no more memory than one that changes few', async () => {
  const world = await newWorld({ rows: sizes[2] ?? 0 });
  const one = await world.process();
  const peaks: number[] = [];
  for (const size of sizes) {
    await one.run('readRows', { rows: [1, size] });
    await one.run('watchMemory');
    const [changed] = await world.sql<{ version: number }>(
      `with changed as (update counters set version = version + 1 where id between 1 and ${size} returning id)
       select 1 + (select version from counters where id = 1) as version from changed limit 1`,
    );
    const committedMs = performance.now();
    await one.run('until', { row: 1, ...changed });
    const lastedMs = performance.now() - committedMs;
    await one.run('until', { row: size, version: await versionOf(world, size) });
    const { heapMb, rssMb } = await one.run<{ heapMb: number; rssMb: number }>('peakMemory');
    peaks.push(heapMb);
    note(`${size} rows: the new value ${lastedMs.toFixed(0)} ms after COMMIT; heap ${heapMb} MB, process ${rssMb} MB`);
  }
  expect(Math.max(...peaks) - (peaks[0] ?? 0)).toBeLessThan(20);
}, 600_000);

async function versionOf({ sql }: World, row: number): Promise<number> {
  const [found] = await sql<{ version: number }>(`select version from counters where id = ${row}`);
  return found?.version ?? -1;
}

it('no value is stale while a synchronous standby is stopped for two seconds, unlike without the gate', async () => {
  const world = await newWorld({ rows: 1_000, memory: 0 });
  const count = rounds(100_000);
  const staleValues = async (way: 'control' | 'feed', updates: number): Promise<number> => {
    const one = await world.process(way);
    const standby = await startStandby(world);
    await world.sql("alter system set synchronous_standby_names = 'standby'");
    await world.sql('select pg_reload_conf()');
    const result = one.run<number>('changeAndRead', { rows: 1_000, count: updates });
    await pause(200);
    standby.kill('SIGSTOP');
    await pause(2_000);
    standby.kill('SIGCONT');
    const stale = await result;
    note(`${way}: ${updates} updates, a standby stopped for 2 s: ${stale} stale values stored`);
    await world.sql('alter system reset synchronous_standby_names');
    await world.sql('select pg_reload_conf()');
    one.child.kill('SIGKILL');
    standby.kill('SIGKILL');
    return stale;
  };
  const control = scale < 1 ? undefined : await staleValues('control', 5_000);
  expect(control).not.toBe(0);
  expect(await staleValues('feed', count)).toBe(0);
}, 1_200_000);

/** A program that receives the log, for which commits wait. */
async function startStandby({ url }: World): Promise<ReturnType<typeof fork>> {
  const script = fileURLToPath(new URL('standby-process.mjs', import.meta.url));
  const child = fork(script, [url]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}
