/** `npm run prove:engine`: what the memory tier guarantees to processes on one Redis. `SECONDS=60` runs longer. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { newTcpProxy } from '../support/tcp-proxy.ts';
import { eventsOf, newProcess, newRedis, note, type EngineProcess } from './engine-processes.ts';

const seconds = Number(process.env['SECONDS'] ?? 20);
const processCount = 8;
const boundMs = 500;

/**
 * Flat records. A read: row, version, start time, whether memory served it. A write: row, version, acknowledgement
 * time.
 */
interface Log {
  readonly reads: Float64Array;
  readonly writes: Float64Array;
}

interface MemoryUsage {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly tierBytes: number;
}

interface Disturbance {
  readonly client: Redis;
  readonly processes: readonly EngineProcess[];
  readonly silenceTrackers: () => void;
  readonly isOver: () => boolean;
}

describe(`a read is stale for less than ${boundMs} ms, and never in the process that invalidated`, () => {
  it.each<[string, (disturbance: Disturbance) => Promise<void>]>([
    ['undisturbed', async () => {}],
    [
      'while the tracking connections are killed every 200 ms',
      async ({ client, isOver }) => {
        while (!isOver()) {
          await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
          await pause(200);
        }
      },
    ],
    [
      'while the tracking connections become half open every 2.5 s',
      async ({ silenceTrackers, isOver }) => {
        while (!isOver()) {
          silenceTrackers();
          await pause(2_500);
        }
      },
    ],
    [
      'while two processes are suspended for 5 s each',
      async ({ processes, isOver }) => {
        for (const { child } of processes.slice(0, 2)) {
          child.kill('SIGSTOP');
          await pause(5_000);
          child.kill('SIGCONT');
          await pause(1_000);
          if (isOver()) return;
        }
      },
    ],
  ])('%s', async (name, disturb) => {
    const world = await newProcesses();
    const { processes } = world;
    let isOver = false;
    const disturbing = disturb({ ...world, isOver: () => isOver });
    const options = { seconds, rows: 64, readers: 12, writeEveryMs: 100 };
    const logs = await Promise.all(processes.map(({ run }) => run<Log>('readAndWrite', options)));
    isOver = true;
    await disturbing;
    const { own, stale, reads, fromMemory, writes } = staleReadsIn(logs);
    const share = fromMemory / reads;
    const [p50, p99, max] = [0.5, 0.99, 1].map((part) => (stale[Math.ceil(part * stale.length) - 1] ?? 0).toFixed(1));
    note(`${name}: ${reads} reads, ${(100 * share).toFixed(1)} % from memory, beside ${writes} writes`);
    note(`stale where another process wrote: ${stale.length}, for ${p50} ms (p50), ${p99} (p99), ${max} (max)`);
    note(`stale where this process wrote: ${own}`);
    note(await eventsOf(processes));
    expect(own).toBe(0);
    expect(stale.filter((ms) => ms >= boundMs)).toEqual([]);
    expect(share).toBeGreaterThan(name === 'undisturbed' ? 0.3 : 0.02);
  });
});

it.each([
  ['small', 1_000_000],
  ['list', 100_000],
  ['text', 100_000],
])(
  'grows the heap by at most 1.5 times its limit, with %s values of %d arguments',
  async (kind, count) => {
    const memoryMb = 32;
    const { processes } = await newProcesses({ count: 1, memoryMb });
    const read = async ({ run }: EngineProcess): Promise<{ usages: MemoryUsage[]; fromRedis: number }> =>
      run('readDistinct', { kind, count });
    const [{ usages, fromRedis } = { usages: [], fromRedis: 0 }] = await Promise.all(processes.map(read));
    const [before, ...after] = usages;
    const growths = after.map(({ heapBytes }) => (heapBytes - (before?.heapBytes ?? 0)) / (memoryMb * 1024 * 1024));
    const rss = after.slice(4).map(({ rssBytes }) => rssBytes / 1024 / 1024);
    note(`heap grown, in bounds of ${memoryMb} MB: ${growths.map((share) => share.toFixed(2)).join(' ')}`);
    note(`the tier says: ${after.map(({ tierBytes }) => (tierBytes / 1024 / 1024).toFixed(1)).join(' ')} MB`);
    note(`RSS from the middle on: ${rss.map((mb) => mb.toFixed(0)).join(' ')} MB`);
    note(await eventsOf(processes));
    expect(fromRedis).toBeGreaterThan(0.99 * count);
    expect(Math.max(...growths)).toBeLessThanOrEqual(1.5);
    const middle = (Math.max(...rss) + Math.min(...rss)) / 2;
    expect(Math.max(...rss) / middle).toBeLessThanOrEqual(1.05);
  },
  1_200_000,
);

/**
 * `stale` has for how many milliseconds each stale read was stale, sorted; `own` counts those in the process that wrote
 * the newer version.
 */
function staleReadsIn(logs: readonly Log[]): {
  own: number;
  stale: number[];
  reads: number;
  fromMemory: number;
  writes: number;
} {
  const written = logs.map(({ writes }) => supersessions([writes]));
  const all = supersessions(logs.map(({ writes }) => writes));
  const stale: number[] = [];
  let [own, reads, fromMemory] = [0, 0, 0];
  for (const [index, { reads: log }] of logs.entries()) {
    for (let at = 0; at < log.length; at += 4) {
      const [row = 0, version = 0, beganNs = 0, isMemory = 0] = log.subarray(at, at + 4);
      reads += 1;
      fromMemory += isMemory;
      if (staleNs(written[index]?.get(row), version, beganNs) > 0) own += 1;
      const ns = staleNs(all.get(row), version, beganNs);
      if (ns > 0) stale.push(ns / 1e6);
    }
  }
  const writes = logs.reduce((sum, log) => sum + log.writes.length / 3, 0);
  return { own, stale: stale.toSorted((a, b) => a - b), reads, fromMemory, writes };
}

/** By row, sorted by version: when the version or a later one was first acknowledged. */
function supersessions(logs: readonly Float64Array[]): Map<number, { version: number; atNs: number }[]> {
  const byRow = new Map<number, { version: number; atNs: number }[]>();
  for (const log of logs) {
    for (let at = 0; at < log.length; at += 3) {
      const [row = 0, version = 0, atNs = 0] = log.subarray(at, at + 3);
      byRow.set(row, [...(byRow.get(row) ?? []), { version, atNs }]);
    }
  }
  for (const ofRow of byRow.values()) {
    ofRow.sort((a, b) => a.version - b.version);
    for (let at = ofRow.length - 2; at >= 0; at -= 1) {
      const [write, next] = [ofRow[at], ofRow[at + 1]];
      if (write !== undefined) write.atNs = Math.min(write.atNs, next?.atNs ?? Infinity);
    }
  }
  return byRow;
}

/** For how long a later version had been acknowledged when the read began; not positive if it had not. */
function staleNs(ofRow: readonly { version: number; atNs: number }[] = [], version: number, beganNs: number): number {
  let [low, high] = [0, ofRow.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ofRow[middle]?.version ?? Infinity) <= version) low = middle + 1;
    else high = middle;
  }
  return beganNs - (ofRow[low]?.atNs ?? Infinity);
}

async function newProcesses({ count = processCount, memoryMb = 32 } = {}): Promise<Omit<Disturbance, 'isOver'>> {
  const { server, client } = await newRedis();
  const proxy = await newTcpProxy(server.socketPath);
  const options = { args: [server.socketPath, proxy.address, String(memoryMb)], execArgv: ['--expose-gc'] };
  const one = (): Promise<EngineProcess> => newProcess('engine-memory-process.mjs', options);
  const processes = await Promise.all(Array.from({ length: count }, one));
  return { processes, client, silenceTrackers: () => proxy.silenceTrackers() };
}
