/** `npm run prove:engine`: late fills, an old dump and clock skew cause no stale reads. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/embedded/index.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { eventsOf, newProcess, note, type EngineProcess } from './engine-processes.ts';
import { violationsIn, type Log } from './oracle.ts';

const rounds = 10;
/** Long enough for a fill and an invalidation to wait until a suspended Redis continues, instead of giving up. */
const longDeadlineMs = 5_000;
const ways = ['control', 'cache'] as const;
type Way = (typeof ways)[number];

it('serves no stale value when a fill follows the expiry of its lease, unlike plain cache-aside', async () => {
  const stale = { control: 0, cache: 0 };
  const { one, two, client, source } = await newPair();
  for (const way of ways) {
    for (let row = 0; row < rounds; row += 1) {
      const [pendingRead] = await startRead({ way, row, process: one, client: source, loadMs: 50 });
      one.child.kill('SIGSTOP');
      await source.incr(`source:${row}`);
      await two.run('invalidateRow', { way, row });
      await expect.poll(() => client.exists(`{shop:Row:n${row}}:lease`)).toBe(0);
      await two.run('readRow', { way, row });
      one.child.kill('SIGCONT');
      await pendingRead;
      stale[way] += await staleReads({ way, row, processes: [two, one], client: source });
    }
  }
  note(`late fill: control ${stale.control} and cache ${stale.cache} of ${rounds * 20} reads stale`);
  note(await eventsOf([one, two]));
  expect(stale.control).toBeGreaterThan(0);
  expect(stale.cache).toBe(0);
});

it('serves no stale value when Redis runs a SET after the invalidation, unlike plain cache-aside', async () => {
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
      const [pendingRead] = await startRead({ way, row, process: one, client: source, loadMs: 200 });
      await source.incr(`source:${row}`);
      seen = [];
      server.kill('SIGSTOP');
      const invalidated = two.run('invalidateRow', { way, row });
      await pause(400); // the invalidation is sent first, then the value
      server.kill('SIGCONT');
      await Promise.all([pendingRead, invalidated]);
      await client.ping();
      const drop = seen.findIndex((command) => ['unlink', 'del'].includes(command));
      // The cache drops a token with a SET, too, which is not that of a value.
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

describe('a clock skew of ten minutes between processes', () => {
  const execArgv = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))];

  it('causes no stale reads', async () => {
    const { server } = await newServers();
    const start = (args: string[]): Promise<EngineProcess> =>
      newEngine({ address: server.socketPath, deadlineMs: 100, execArgv: args });
    const processes = await Promise.all([start([]), start(execArgv), start([]), start(execArgv)]);
    const { violations, reads } = await checkReads(processes, 'cache');
    note(`clocks 10 minutes apart: ${violations} of ${reads} reads stale`);
    expect(violations).toBe(0);
  });

  it('does not change how long a value is served', async () => {
    const { server, client } = await newServers();
    const address = server.socketPath;
    const correct = await newEngine({ address, deadlineMs: longDeadlineMs });
    const ahead = await newEngine({ address, deadlineMs: longDeadlineMs, execArgv });
    const options = { count: 1, loadMs: 0, ttl: '2s' };
    const load = async ({ run }: EngineProcess): Promise<number> =>
      (await run<{ values: number[] }>('fetchAtOnce', options)).values[0] ?? 0;
    for (const [writer, reader] of [
      [correct, ahead],
      [ahead, correct],
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

it('serves no stale value after Redis restarts from an old dump, unlike plain cache-aside', async () => {
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
    const checking = checkReads(processes, way);
    await pause(1_500);
    await client.save();
    await pause(1_000);
    server.kill('SIGKILL');
    await server.restart();
    const { violations, reads } = await checking;
    note(`old dump, ${way}: ${violations} of ${reads} reads stale`);
    note(await eventsOf(processes));
    stale[way] = violations;
  }
  expect(stale.control).toBeGreaterThan(0);
  expect(stale.cache).toBe(0);
});

/** @param source The address of the Redis that holds the rows. Default: that of the cache. */
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
  /** A client of another Redis, which holds the rows. */
  readonly source: Redis;
}

async function newServers(extraArgs: readonly string[] = []): Promise<Servers> {
  const [server, rows] = [await startTestRedis(extraArgs), await startTestRedis()];
  const [client, source] = [server, rows].map(({ socketPath }) => new Redis({ path: socketPath, protocol: 2 }));
  if (client === undefined || source === undefined) throw new Error('two servers, two clients');
  client.on('error', () => {}); // a test kills this server
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
    deadlineMs: longDeadlineMs,
    source: servers.source.options.path ?? '',
  };
  const [one, two] = [await newEngine(options), await newEngine(options)];
  return { ...servers, client: servers.client, one, two };
}

/**
 * Starts a read, and resolves as soon as its load has read the row; the load then takes `loadMs`. The array keeps the
 * read from being awaited here.
 */
async function startRead(read: {
  way: Way;
  row: number;
  process: EngineProcess;
  client: Redis;
  loadMs: number;
}): Promise<Promise<unknown>[]> {
  const { way, row, process, client, loadMs } = read;
  await client.set(`source:${row}`, 1);
  await client.del(`begun:${row}`);
  const pendingRead = process.run('readRow', { way, row, loadMs });
  await expect.poll(() => client.get(`begun:${row}`), { interval: 1 }).toBe('1');
  return [pendingRead];
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

async function checkReads(
  processes: readonly EngineProcess[],
  way: Way,
): Promise<{ violations: number; reads: number }> {
  const options = { way, count: 15_000, rows: 8, readers: 12, writeEveryMs: 20 };
  const logs = await Promise.all(processes.map(({ run }) => run<Log>('readAndWrite', options)));
  return { ...violationsIn(logs), reads: processes.length * options.count };
}
