/** `npm run prove:engine`: what comes too late, out of an old dump, or from a process with another clock, is read by nobody. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/embedded/index.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventsOf, newProcess, note, type EngineProcess } from './engine-processes.ts';
import { violationsIn, type Log } from './oracle.ts';

const rounds = 10;
/** Where Redis is stopped, a fill and an invalidation wait for it, so that the one they ask for is the one that counts. */
const patientMs = 5_000;
const ways = ['control', 'cache'] as const;
type Way = (typeof ways)[number];

it('a fill that comes after its lease has run out is read by nobody, as that of plain cache-aside is', async () => {
  const stale = { control: 0, cache: 0 };
  const { one, two, client, source } = await newPair();
  for (const way of ways) {
    for (let row = 0; row < rounds; row += 1) {
      const [late] = await begun({ way, row, process: one, client: source, loadMs: 50 });
      one.child.kill('SIGSTOP');
      await source.incr(`source:${row}`);
      await two.run('invalidateRow', { way, row });
      await expect.poll(() => client.exists(`{shop:Row:n${row}}:lease`)).toBe(0);
      await two.run('readRow', { way, row });
      one.child.kill('SIGCONT');
      await late;
      stale[way] += await staleReads({ way, row, processes: [two, one], client: source });
    }
  }
  note(`late fill: control ${stale.control} and cache ${stale.cache} of ${rounds * 20} reads stale`);
  note(await eventsOf([one, two]));
  expect(stale.control).toBeGreaterThan(0);
  expect(stale.cache).toBe(0);
});

it('a SET that Redis executes after the invalidation is read by nobody, as that of plain cache-aside is', async () => {
  const stale = { control: 0, cache: 0 };
  const { one, two, client, server, source } = await newPair();
  const monitor = await client.monitor();
  onTestFinished(() => monitor.disconnect());
  let seen: string[] = [];
  monitor.on('monitor', (_time: string, [command = '', ...words]: string[]) => {
    seen.push(command.toLowerCase() + (words.includes('PXAT') ? ' of a value' : ''));
  });
  let inOrder = 0;
  for (const way of ways) {
    for (let row = 0; row < rounds; row += 1) {
      const [late] = await begun({ way, row, process: one, client: source, loadMs: 200 });
      await source.incr(`source:${row}`);
      seen = [];
      server.kill('SIGSTOP');
      const invalidated = two.run('invalidateRow', { way, row });
      await pause(400); // the invalidation is sent, and after it the value
      server.kill('SIGCONT');
      await Promise.all([late, invalidated]);
      await client.ping();
      const drop = seen.findIndex((command) => ['unlink', 'del'].includes(command));
      // The cache drops a token by a SET, too, which is none of a value.
      const fill = seen.findLastIndex((command) => command === (way === 'cache' ? 'set of a value' : 'set'));
      if (drop !== -1 && fill > drop) inOrder += 1;
      stale[way] += await staleReads({ way, row, processes: [two, one], client: source });
    }
  }
  note(`late SET: control ${stale.control} and cache ${stale.cache} of ${rounds * 20} reads stale`);
  note(`in ${inOrder} of ${2 * rounds} rounds Redis invalidated first and stored after that`);
  expect(stale.control).toBeGreaterThan(0);
  expect(stale.cache).toBe(0);
});

describe('processes whose clocks differ by ten minutes', () => {
  const execArgv = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))];

  it('read nothing stale', async () => {
    const { server } = await newServers();
    const of = (args: string[]): Promise<EngineProcess> =>
      newEngine({ address: server.socketPath, deadlineMs: 100, execArgv: args });
    const processes = await Promise.all([of([]), of(execArgv), of([]), of(execArgv)]);
    const { violations, reads } = await judged(processes, 'cache');
    note(`clocks 10 minutes apart: ${violations} of ${reads} reads stale`);
    expect(violations).toBe(0);
  });

  it('keep a value for its time to live, neither longer nor shorter', async () => {
    const { server, client } = await newServers();
    const address = server.socketPath;
    const right = await newEngine({ address, deadlineMs: patientMs });
    const ahead = await newEngine({ address, deadlineMs: patientMs, execArgv });
    const options = { count: 1, loadMs: 0, ttl: '2s' };
    const load = async ({ run }: EngineProcess): Promise<number> =>
      (await run<{ values: number[] }>('fetchAtOnce', options)).values[0] ?? 0;
    for (const [writer, reader] of [
      [right, ahead],
      [ahead, right],
    ] as const) {
      await client.unlink('shop:Query:field');
      const startedMs = performance.now();
      const value = await load(writer);
      const pttl = await client.pttl('shop:Query:field');
      while ((await load(reader)) === value) await pause(5);
      const livedMs = performance.now() - startedMs;
      note(`of 2,000 ms: PTTL ${pttl}, read by the other for ${livedMs.toFixed(0)} ms`);
      expect(pttl).toBeLessThanOrEqual(2_000);
      expect(pttl).toBeGreaterThan(1_800);
      expect(livedMs).toBeGreaterThan(1_950);
      expect(livedMs).toBeLessThan(2_200);
    }
  });
});

it('a Redis that comes back from an old dump gives nothing stale, as plain cache-aside does', async () => {
  const stale = { control: 0, cache: 0 };
  for (const way of ways) {
    const folder = await makeFolder('cachepot-prove-dump-');
    onTestFinished(() => folder.remove());
    const { server, client, source } = await newServers(['--dir', folder.path, '--dbfilename', 'dump.rdb']);
    const sourceAddress = source.options.path ?? '';
    const processes = await Promise.all(
      Array.from({ length: 4 }, () =>
        newEngine({ address: server.socketPath, deadlineMs: 100, source: sourceAddress }),
      ),
    );
    const judging = judged(processes, way);
    await pause(1_500);
    await client.save();
    await pause(1_000);
    server.kill('SIGKILL');
    await server.restart();
    const { violations, reads } = await judging;
    note(`old dump, ${way}: ${violations} of ${reads} reads stale`);
    note(await eventsOf(processes));
    stale[way] = violations;
  }
  expect(stale.control).toBeGreaterThan(0);
  expect(stale.cache).toBe(0);
});

/** @param source The Redis of the rows; that of the cache unless told otherwise. */
function newEngine({
  address,
  deadlineMs,
  source = address,
  execArgv = [],
}: {
  address: string;
  deadlineMs: number;
  source?: string;
  execArgv?: string[];
}): Promise<EngineProcess> {
  return newProcess('engine-process.mjs', { args: [address, String(deadlineMs), source], execArgv });
}

interface Servers {
  readonly server: TestRedis;
  readonly client: Redis;
  /** Of another Redis, where the rows are. */
  readonly source: Redis;
}

async function newServers(extraArgs: readonly string[] = []): Promise<Servers> {
  const [server, rows] = [await startTestRedis(extraArgs), await startTestRedis()];
  const [client, source] = [server, rows].map(({ socketPath }) => new Redis({ path: socketPath, protocol: 2 }));
  if (client === undefined || source === undefined) throw new Error('two servers, two clients');
  client.on('error', () => {}); // it is killed
  onTestFinished(async () => {
    client.disconnect();
    source.disconnect();
    await Promise.all([server.stop(), rows.stop()]);
  });
  return { server, client, source };
}

async function newPair(): Promise<Servers & { one: EngineProcess; two: EngineProcess }> {
  const servers = await newServers();
  const options = {
    address: servers.server.socketPath,
    deadlineMs: patientMs,
    source: servers.source.options.path ?? '',
  };
  const [one, two] = [await newEngine(options), await newEngine(options)];
  return { ...servers, client: servers.client, one, two };
}

/** What a read will give whose load has read the row, and takes so long. */
async function begun(read: {
  way: Way;
  row: number;
  process: EngineProcess;
  client: Redis;
  loadMs: number;
}): Promise<Promise<unknown>[]> {
  const { way, row, process, client, loadMs } = read;
  await client.set(`source:${row}`, 1);
  await client.del(`begun:${row}`);
  const late = process.run('readRow', { way, row, loadMs });
  await expect.poll(() => client.get(`begun:${row}`), { interval: 1 }).toBe('1');
  return [late];
}

async function staleReads(of: {
  way: Way;
  row: number;
  processes: readonly EngineProcess[];
  client: Redis;
}): Promise<number> {
  const { way, row, processes, client } = of;
  const version = Number(await client.get(`source:${row}`));
  let stale = 0;
  for (let reads = 0; reads < 10; reads += 1) {
    for (const { run } of processes) stale += Number((await run<number>('readRow', { way, row })) < version);
  }
  return stale;
}

async function judged(processes: readonly EngineProcess[], way: Way): Promise<{ violations: number; reads: number }> {
  const options = { way, count: 15_000, rows: 8, readers: 12, writeEveryMs: 20 };
  const logs = await Promise.all(processes.map(({ run }) => run<Log>('readAndWrite', options)));
  return { ...violationsIn(logs), reads: processes.length * options.count };
}
