/**
 * A process with the engine alone, through its public API: a cache with a memory tier and one without, on one Redis
 * with `ENTRIES` entries. A message names the measurement; the answer is microseconds per operation, or operations per
 * second.
 *
 * Costs are CPU time of this process and, if Redis takes part, of Redis: other work on the machine increases CPU time by
 * little, and elapsed time by much.
 *
 * The engine stores the first entry. The others are copies of it, written in bulk with their own key, id and arguments:
 * a million through the engine would take minutes. The reads show that the engine accepts them, because their load
 * throws.
 */
import process, { env } from 'node:process';
import { setImmediate as endOfTick, setTimeout as pause } from 'node:timers/promises';
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
/** Fetches per tick of the event loop. Between ticks, the process receives the heartbeat of the memory tier. */
const perTick = 1_000;
/** Fetches whose calls share a round trip to Redis, as those of concurrent requests do. */
const together = 50;
const hotMax = 100;
/** The latest entries, all of which a full memory tier holds. */
const heldMax = 20_000;
/** More entries than it holds. */
const readMax = 60_000;
const attemptsMax = 20;
const pauseMs = 200;

const redis = new Redis(env.REDIS_URL);
const cacheWith = async (memoryBytesMax) => {
  const store = await createRedisStore({ address: env.REDIS_URL, namespace, deadlineMs: 1_000 });
  return createCache({ store, memoryBytesMax, deadlineMs: 1_000 });
};
const tiered = await cacheWith(32 * 1024 * 1024);
const alone = await cacheWith(0);
/** Hits that did not come from memory. */
let strays = 0;
const keyOf = (n) => tiered.key({ field, args: { n } });
const unexpectedLoad = () => {
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

  /** Hits in Redis of random keys, by a cache without a memory tier. */
  async redisHits({ count }) {
    const keys = times(count, anyKey);
    return { redisHit: (await cpuUs(() => fetchAll(alone, keys), { isWithRedis: true })) / count };
  },

  /**
   * Invalidations of the tag that all entries have. After each, the token is restored, so that the entries are valid
   * again. Returns the median of the elapsed time, because the token is restored in between, and the time that Redis
   * reports.
   */
  async invalidations({ count }) {
    const token = `${namespace}:tag:${tag}`;
    const text = await redis.get(token);
    const refs = await entryRefsOf(alone);
    await redis.config('RESETSTAT');
    const us = [];
    for (let number = 0; number < count; number += 1) {
      const startedMs = performance.now();
      await tiered.invalidate([tag]);
      us.push(1_000 * (performance.now() - startedMs));
      if (number === 0 && (await alone.revalidate(refs)) !== undefined)
        throw new Error('an invalidated entry was revalidated');
      await redis.set(token, text, 'PX', 2 * policy.ttlMs);
    }
    if ((await alone.revalidate(refs)) === undefined) throw new Error('a valid entry was not revalidated');
    const [, ofRedis] = /cmdstat_eval:.*usec_per_call=([\d.]+)/.exec(await redis.info('commandstats')) ?? [];
    return { invalidation: median(us), invalidationInRedis: Number(ofRedis) };
  },

  /**
   * Loads and stores entries that were deleted from Redis: a read, tokens, the lease, the load, the fill. Without a
   * memory tier, which would still have them.
   */
  async misses({ count }) {
    const keys = [...new Map(times(count, anyKey).map((key) => [key.text, key])).values()];
    await redis.unlink(keys.map(({ text }) => text));
    const us = await cpuUs(() => fetchAll(alone, keys, value), { isWithRedis: true });
    return { miss: us / keys.length };
  },

  /** One process on one core, without listeners to events: operations per second of CPU time, and of elapsed time. */
  async engine({ count }) {
    const fetching = await inMemory(count, () => tiered.fetch(hot[0], policy, unexpectedLoad));
    const across = await inMemory(count, (index) => tiered.fetch(hot[index % hot.length], policy, unexpectedLoad));
    let kept = [];
    const revalidating = await inMemory(
      count,
      () => tiered.revalidate(kept) ?? throwNotCoherent(),
      async () => (kept = await entryRefsOf(tiered)),
    );
    const search = { q: 'steel', categoryId: 3, limit: 10 };
    const keying = await inMemory(count, () => tiered.key({ schemaDigest: '3f2a9c', field, args: search }));
    const bare = await inMemory(count, () => tiered.key({ schemaDigest: '3f2a9c', field }));
    return {
      fetch: 1e6 / fetching.us,
      fetchOf100: 1e6 / across.us,
      revalidate: 1e6 / revalidating.us,
      key: 1e6 / keying.us,
      bareKey: 1e6 / bare.us,
      fetchByClock: 1e6 / fetching.clockUs,
      revalidateByClock: 1e6 / revalidating.clockUs,
    };
  },
};

async function memoryHit(keys, count) {
  const order = Uint32Array.from({ length: 4_096 }, () => Math.random() * keys.length);
  return (await inMemory(count, (index) => tiered.fetch(keys[order[index & 4_095]], policy, unexpectedLoad))).us;
}

/**
 * CPU time and elapsed time of one operation that the memory tier serves. Repeated if the machine was too busy for the
 * tier to be coherent.
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
      if (!(error instanceof NotCoherent)) throw error;
      await pause(pauseMs);
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
  if (strays > 0) throw new NotCoherent();
}

async function repeated(count, operation) {
  for (let first = 0; first < count; first += perTick) {
    const end = Math.min(count, first + perTick);
    for (let index = first; index < end; index += 1) await operation(index);
    await endOfTick();
    if (!tiered.memory.isCoherent) throwNotCoherent();
  }
}

/** The memory tier is not coherent for now. */
class NotCoherent extends Error {}

function throwNotCoherent() {
  throw new NotCoherent();
}

async function fetchAll(cache, keys, load) {
  for (let first = 0; first < keys.length; first += together) {
    const some = keys.slice(first, first + together);
    await Promise.all(
      some.map((key) => cache.fetch(key, policy, load === undefined ? unexpectedLoad : () => load(key.args.n))),
    );
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

/** For `Cache.revalidate`: the entry refs of the first hot key. */
async function entryRefsOf(cache) {
  let found;
  await cache.fetch(hot[0], policy, unexpectedLoad, { report: (outcome) => (found = outcome.entryRef) });
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
