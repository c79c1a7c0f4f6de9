// A process of `engine-memory.prove.ts`: a cache with a memory tier, on the Redis that all processes share.
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { ready, serve } from './engine-tasks.mjs';

const { Redis } = createRequire(import.meta.url)('ioredis');
const built = (file) => import(new URL(`../../dist/src/cache/${file}`, import.meta.url).href);
const { createCache, createPolicy, createRedisStore } = await built('index.js');
const { encodeEntry } = await built('entry/entry.js');

const [socketPath, address, memoryMb] = process.argv.slice(2);
const redis = new Redis({ path: socketPath, protocol: 2 });
const store = await createRedisStore({ address, namespace: 'shop', deadlineMs: 1_000 });
const memoryBytesMax = Number(memoryMb) * 1024 * 1024;
const cache = createCache({ store, deadlineMs: 1_000, memoryBytesMax });
const nowNs = () => Number(process.hrtime.bigint());

/**
 * Reads and writes for `seconds`. Returns flat records. A read: row, version, start time, whether memory served it. A
 * write: row, version, acknowledgement time.
 */
async function readAndWrite({ seconds, rows, readers, writeEveryMs }) {
  const [reads, writes] = [[], []];
  const endNs = nowNs() + seconds * 1e9;
  const anyRow = () => Math.floor(Math.random() * rows);
  const reader = async () => {
    while (nowNs() < endNs) {
      const row = anyRow();
      const field = `Row.n${row}`;
      const policy = createPolicy(field, { ttl: '1m', tags: [`rows:${row}`] });
      const key = cache.key({ field });
      let tier = null;
      const beganNs = nowNs();
      const version = await cache.fetch(key, policy, () => loadRow(row), {
        report: (outcome) => (tier = outcome.tier),
      });
      reads.push(row, version, beganNs, tier === 'memory' ? 1 : 0);
      await pause(Math.random() * 10);
    }
  };
  const writer = async () => {
    while (nowNs() < endNs) {
      const row = anyRow();
      const version = await redis.incr(`source:${row}`);
      while (!(await invalidated(row))); // repeat until it is acknowledged
      writes.push(row, version, nowNs());
      await pause(Math.random() * 2 * writeEveryMs);
    }
  };
  await Promise.all([writer(), ...Array.from({ length: readers }, reader)]);
  return { reads: Float64Array.from(reads), writes: Float64Array.from(writes) };
}

async function loadRow(row) {
  await pause(Math.random() * 4);
  return Number(await redis.get(`source:${row}`));
}

const invalidated = (row) =>
  cache.invalidate([`rows:${row}`]).then(
    () => true,
    () => false,
  );

const values = {
  small: (id) => ({ id, name: `Product ${id}`, price: '19.90', stock: id % 100 }),
  list: (id) =>
    Array.from({ length: 20 }, (_, at) => ({ id: id + at, name: `Product ${at}`, rating: at / 7, note: null })),
  text: (id) => `${id} ${'x'.repeat(500)}`,
};

/** Reads `count` values once each; returns the memory usage of the process before, and at ten points. */
async function readDistinct({ kind, count }) {
  const chunk = 1_000;
  const policy = createPolicy('Query.item', { ttl: '1h', tags: ['items'] });
  const tags = ['*', 'items', 'items:!'];
  const stamps = Object.fromEntries((await store.capture(tags)).map((token, index) => [tags[index], token]));
  const usages = [await memoryUsage()];
  let fromRedis = 0;
  for (let first = 0; first < count; first += chunk) {
    const keys = Array.from({ length: chunk }, (_, at) => cache.key({ field: 'Query.item', args: { id: first + at } }));
    const commands = redis.pipeline();
    for (const [at, key] of keys.entries()) {
      const entry = { value: values[kind](first + at), freshMs: 3_600_000, loadMs: 1, stamps };
      commands.set(key.text, encodeEntry(key, entry), 'PX', 3_600_000);
    }
    await commands.exec();
    const report = ({ tier }) => (fromRedis += tier === 'redis' ? 1 : 0);
    await Promise.all(keys.map((key) => cache.fetch(key, policy, () => 'loaded', { report })));
    await redis.unlink(keys.map(({ text }) => text));
    if ((first + chunk) % (count / 10) === 0) usages.push(await memoryUsage());
  }
  return { usages, fromRedis };
}

async function memoryUsage() {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc();
    await pause(10);
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    rssBytes: process.memoryUsage().rss,
    tierBytes: cache.memory.bytes,
  };
}

serve(cache, { readAndWrite, readDistinct });
while (!cache.memory.isCoherent) await pause(10);
ready();
