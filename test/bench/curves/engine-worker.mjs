/**
 * A process with the engine alone, through its public API: a cache with a memory tier and one without, on one Redis, and
 * as many entries as `ENTRIES` says. It is told what to measure, and gives microseconds for one operation, or operations in
 * a second.
 *
 * Costs are CPU time of this process and, where Redis is asked, of Redis too: a machine on which others work makes that
 * longer by little, where it makes the time on the clock longer by much.
 *
 * The first entry is made by the engine. The others are that one in bulk, with key, id and arguments of their own: through
 * the engine a million would take minutes. That the engine takes them for its own is seen by the reads, whose load throws.
 */
import process, { env } from 'node:process';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createCache, createPolicy, createRedisStore } from '../../../dist/src/cache/index.js';
import { median } from '../figures.mjs';

const namespace = env.NAMESPACE;
const entries = Number(env.ENTRIES);
const field = 'Curve.entries';
const tag = 'curve';
const policy = createPolicy(field, { ttl: '1d', tags: [tag] });
const value = (n) => ({ id: n, name: `Kestrel Stainless Steel Handle ${n}`, price: '74.99', stock: 12 });

const bulk = 5_000;
/** Fetches between two turns of the event loop: it must hear that memory is coherent. */
const perTurn = 1_000;
/** Fetches that ask Redis together, as concurrent requests do. */
const together = 50;
const hotMax = 100;
/** Of those that the memory tier holds when it is full of such entries, the ones that came last. */
const heldMax = 20_000;
/** More than it holds. */
const readMax = 60_000;
const attemptsMax = 20;
const lapsedMs = 200;

const redis = new Redis(env.REDIS_URL);
const cacheWith = async (memoryBytesMax) => {
  const store = await createRedisStore({ address: env.REDIS_URL, namespace, deadlineMs: 1_000 });
  return createCache({ store, memoryBytesMax, deadlineMs: 1_000 });
};
const tiered = await cacheWith(32 * 1024 * 1024);
const alone = await cacheWith(0);
/** What did not come from memory. */
let strays = 0;
const keyOf = (n) => tiered.key({ field, args: { n } });
const never = () => {
  throw new Error('an entry that is there was loaded');
};
const hot = times(Math.min(entries, hotMax), keyOf);
let held = [];

const calls = {
  /** Fills Redis, and the memory tier until it is full. */
  async fill() {
    await tiered.fetch(hot[0], policy, () => value(0));
    const { args, value: _, ...template } = JSON.parse(await redis.get(hot[0].text));
    for (let first = 1; first < entries; first += bulk) {
      const commands = times(Math.min(bulk, entries - first), (index) => {
        const n = first + index;
        const key = keyOf(n).text;
        const entry = { ...template, id: String(n).padStart(16, '0'), key, args: { ...args, n }, value: value(n) };
        return ['set', key, JSON.stringify(entry), 'PX', policy.ttlMs];
      });
      await redis.pipeline(commands).exec();
    }
    const read = Math.min(entries, readMax);
    for (let first = 0; first < read; first += bulk) {
      await fetchAll(
        tiered,
        times(Math.min(bulk, read - first), (index) => keyOf(first + index)),
      );
    }
    held = times(Math.min(entries, heldMax), (index) => keyOf(read - 1 - index));
    return { memoryBytes: tiered.memory.bytes, keys: await redis.dbsize() };
  },

  /** Hits in memory, of a hundred keys and of twenty thousand. */
  async memoryHits({ count }) {
    return { hotHit: await memoryHit(hot, count), heldHit: await memoryHit(held, count) };
  },

  /** Reads from Redis by a cache that has no memory, of keys from all over. */
  async redisHits({ count }) {
    const keys = times(count, anyKey);
    return { redisHit: (await cpuUs(() => fetchAll(alone, keys), { isWithRedis: true })) / count };
  },

  /**
   * Invalidations of the tag that all entries have. After each its token is put back as it was, so that they stand again.
   * On the clock, the median: the token is put back in between. And what Redis says that it took.
   */
  async invalidations({ count }) {
    const token = `${namespace}:tag:${tag}`;
    const text = await redis.get(token);
    const again = await heldIn(alone);
    await redis.config('RESETSTAT');
    const us = [];
    for (let number = 0; number < count; number += 1) {
      const startedMs = performance.now();
      await tiered.invalidate([tag]);
      us.push(1_000 * (performance.now() - startedMs));
      if (number === 0 && (await alone.revalidate(again)) !== undefined) throw new Error('an invalidated entry stands');
      await redis.set(token, text, 'PX', 2 * policy.ttlMs);
    }
    if ((await alone.revalidate(again)) === undefined) throw new Error('an entry does not stand that should');
    const [, ofRedis] = /cmdstat_eval:.*usec_per_call=([\d.]+)/.exec(await redis.info('commandstats')) ?? [];
    return { invalidation: median(us), invalidationInRedis: Number(ofRedis) };
  },

  /**
   * Entries that have gone from Redis are loaded and stored: a read, tokens, the lease, the load, the fill. Without a memory
   * tier, which would still have them.
   */
  async misses({ count }) {
    const keys = [...new Map(times(count, anyKey).map((key) => [key.text, key])).values()];
    await redis.unlink(keys.map(({ text }) => text));
    const us = await cpuUs(() => fetchAll(alone, keys, value), { isWithRedis: true });
    return { miss: us / keys.length };
  },

  /** One process and one core, with nobody who listens to events: operations in a second of its CPU, and by the clock. */
  async engine({ count }) {
    const fetching = await inMemory(count, () => tiered.fetch(hot[0], policy, never));
    const across = await inMemory(count, (index) => tiered.fetch(hot[index % hot.length], policy, never));
    let kept = [];
    const recalling = await inMemory(
      count,
      () => tiered.revalidate(kept) ?? lapsed(),
      async () => (kept = await heldIn(tiered)),
    );
    const search = { q: 'steel', categoryId: 3, limit: 10 };
    const keying = await inMemory(count, () => tiered.key({ shape: '3f2a9c', field, args: search }));
    const bare = await inMemory(count, () => tiered.key({ shape: '3f2a9c', field }));
    return {
      fetch: 1e6 / fetching.us,
      fetchOf100: 1e6 / across.us,
      again: 1e6 / recalling.us,
      key: 1e6 / keying.us,
      bareKey: 1e6 / bare.us,
      fetchByClock: 1e6 / fetching.clockUs,
      againByClock: 1e6 / recalling.clockUs,
    };
  },
};

async function memoryHit(keys, count) {
  const order = Uint32Array.from({ length: 4_096 }, () => Math.random() * keys.length);
  return (await inMemory(count, (index) => tiered.fetch(keys[order[index & 4_095]], policy, never))).us;
}

/**
 * CPU time and time of one operation that memory answers. The machine may be too busy for memory to be coherent: then once
 * more.
 */
async function inMemory(count, operation, prepare = async () => {}) {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    try {
      await readIntoMemory();
      await prepare();
      const startedMs = performance.now();
      const us = await cpuUs(() => repeated(count, operation));
      return { us: us / count, clockUs: (1_000 * (performance.now() - startedMs)) / count };
    } catch (error) {
      if (!(error instanceof Lapsed)) throw error;
      await pause(lapsedMs);
    }
  }
  throw new Error('the machine is too busy for the memory tier to answer');
}

async function readIntoMemory() {
  await fetchAll(tiered, [...hot, ...held]);
  strays = 0;
  const unlisten = tiered.on(({ type, tier }) => {
    if (type === 'hit' && tier !== 'memory') strays += 1;
  });
  await fetchAll(tiered, [...hot, ...held]);
  unlisten();
  if (strays > 0) throw new Lapsed();
}

async function repeated(count, operation) {
  for (let first = 0; first < count; first += perTurn) {
    const end = Math.min(count, first + perTurn);
    for (let index = first; index < end; index += 1) await operation(index);
    await turn();
    if (!tiered.memory.isCoherent) lapsed();
  }
}

/** Memory does not answer for now. */
class Lapsed extends Error {}

function lapsed() {
  throw new Lapsed();
}

async function fetchAll(cache, keys, load) {
  for (let first = 0; first < keys.length; first += together) {
    const some = keys.slice(first, first + together);
    await Promise.all(some.map((key) => cache.fetch(key, policy, load === undefined ? never : () => load(key.args.n))));
  }
}

async function cpuUs(run, { isWithRedis = false } = {}) {
  const redisBefore = isWithRedis ? await redisCpuUs() : 0;
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system + (isWithRedis ? (await redisCpuUs()) - redisBefore : 0);
}

async function redisCpuUs() {
  const info = await redis.info('cpu');
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return 1e6 * (of('used_cpu_sys') + of('used_cpu_user'));
}

/** For `Cache.again`: what the first of the hot keys was read from. */
async function heldIn(cache) {
  let found;
  await cache.fetch(hot[0], policy, never, { report: (outcome) => (found = outcome.entryRef) });
  return [found];
}

function anyKey() {
  return keyOf(Math.floor(Math.random() * entries));
}

function times(count, make) {
  return Array.from({ length: count }, (_, index) => make(index));
}

process.on('message', ({ call, ...task }) => {
  calls[call](task).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
process.send('ready');
