/**
 * A process with two caches on one Redis, without memory tiers: one stores records as one text, the other with their properties apart.
 * A message names the number of properties; the answer is CPU microseconds per operation, of this process and of Redis, and elapsed
 * microseconds (`clock`). The two ways take turns, so that other work on the machine affects both.
 */
import process, { env } from 'node:process';
import { Redis } from 'ioredis';
import { createCache, createPolicy, createRedisStore } from '../../../dist/src/cache/index.js';
import { median } from '../figures.mjs';

const field = 'Curve.record';
const propertyBytes = 100;
/** Records that are read together, as concurrent requests do; no two reads share one. */
const records = 50;
const turns = 8;

const redis = new Redis(env.REDIS_URL);
const store = await createRedisStore({ address: env.REDIS_URL, namespace: 'hashes', deadlineMs: 5_000 });
const cache = createCache({ store, deadlineMs: 5_000 });
const ways = {
  text: createPolicy(field, { ttl: '1d' }),
  hash: createPolicy(field, { ttl: '1d', fields: true }),
};

const recordOf = (properties) =>
  Object.fromEntries(
    Array.from({ length: properties }, (_, n) => [`property${n}`, `${n}`.padStart(propertyBytes, 'x')]),
  );
const unexpectedLoad = () => {
  throw new Error('a record that is there was loaded');
};

async function measure({ properties, count }) {
  const record = recordOf(properties);
  const only = [`property${properties - 1}`];
  const keysOf = (way) => Array.from({ length: records }, (_, n) => cache.key({ field, args: { way, properties, n } }));
  const sums = {};
  const clocks = {};
  const loads = Math.max(1, Math.round(count / (turns * records * 4)));
  const reads = Math.max(1, Math.round(count / (turns * records)));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [way, policy] of Object.entries(ways)) {
      const keys = keysOf(way);
      const fetchAll = (load, options) => Promise.all(keys.map((key) => cache.fetch(key, policy, load, options)));
      const timed = async (name, times, run) => {
        const us = await cpuUs(async () => {
          for (let time = 0; time < times; time += 1) await run();
        });
        (sums[way + name] ??= []).push(us / (times * records));
      };
      const clocked = async (name, options) => {
        for (const key of keys.slice(0, 10)) {
          const startedMs = performance.now();
          await cache.fetch(key, policy, unexpectedLoad, options);
          (clocks[way + name] ??= []).push(1_000 * (performance.now() - startedMs));
        }
      };
      await timed('Load', loads, async () => {
        await redis.unlink(keys.map(({ text }) => text));
        await fetchAll(() => record);
      });
      // A process that another one keeps from running for a second has lost its leases, so some records may not be stored.
      for (let isComplete = false; !isComplete;) {
        isComplete = true;
        await fetchAll(() => ((isComplete = false), record));
      }
      await timed('One', reads, () => fetchAll(unexpectedLoad, { only }));
      await timed('All', reads, () => fetchAll(unexpectedLoad));
      await clocked('One', { only });
      await clocked('All', {});
    }
  }
  const medians = (lists) => Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, median(list)]));
  return { ...medians(sums), clock: medians(clocks) };
}

async function cpuUs(run) {
  const redisBefore = await redisCpuUs();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system + (await redisCpuUs()) - redisBefore;
}

async function redisCpuUs() {
  const info = await redis.info('cpu');
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return 1e6 * (of('used_cpu_sys') + of('used_cpu_user'));
}

process.on('message', (task) => {
  measure(task).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
process.send('ready');
