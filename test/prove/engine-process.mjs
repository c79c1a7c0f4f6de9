// A process of the tests `engine*.prove.ts`: its own cache on the Redis that all processes share, and a source.
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { readBesideWrites, ready, serve } from './engine-tasks.mjs';

const { Redis } = createRequire(import.meta.url)('ioredis');
const built = new URL('../../dist/src/cache/index.js', import.meta.url);
const { createCache, createPolicy, createRedisStore } = await import(built.href);

const [address, deadline, source = address] = process.argv.slice(2);
const deadlineMs = Number(deadline);
const redis = new Redis({ path: source, protocol: 2 });
/** For plain cache-aside, without the engine. */
const plain = new Redis({ path: address, protocol: 2 });
plain.on('error', () => {}); // it reconnects, and repeats its commands
const cache = createCache({ store: await createRedisStore({ address, namespace: 'shop', deadlineMs }), deadlineMs });
const key = cache.key({ field: 'Query.field' });

/** Makes `count` fetches of one key at once; each load is counted in Redis. */
async function fetchAtOnce({ count, loadMs, ttl = '1h', stale }) {
  const policy = createPolicy(key.field, { ttl, stale, early: false, tags: ['products'] });
  const load = async () => {
    const value = await redis.incr('source:loads');
    await pause(loadMs);
    return value;
  };
  const startedMs = performance.now();
  const fetches = Array.from({ length: count }, () => cache.fetch(key, policy, load));
  const values = await Promise.all(fetches);
  return { values: [...new Set(values)], durationMs: performance.now() - startedMs };
}

/** Fetches one key every `everyMs` for `durationMs`, however long the fetches take; returns how long each of them took. */
async function fetchRegularly({ durationMs, everyMs, loadMs, ttl, stale, early }) {
  const field = `Query.${ttl}${stale === undefined ? '' : 'Stale'}${early === true ? 'Early' : ''}`;
  const policy = createPolicy(field, { ttl, stale, early, tags: ['products'] });
  const own = cache.key({ field });
  const fetch = () => cache.fetch(own, policy, () => pause(loadMs, 'value'));
  await fetch();
  const latenciesMs = [];
  const timed = async () => {
    const beganMs = performance.now();
    await fetch();
    latenciesMs.push(performance.now() - beganMs);
  };
  const fetches = [];
  const startMs = performance.now();
  for (let dueMs = startMs; dueMs < startMs + durationMs; dueMs += everyMs) {
    await pause(Math.max(0, dueMs - performance.now()));
    fetches.push(timed());
  }
  await Promise.all(fetches);
  return Float64Array.from(latenciesMs);
}

/** Fetches one key every `everyMs` for `durationMs` from a source that fails while `source:down` exists. Returns what happened. */
async function fetchBesideFaults({ durationMs, everyMs, row }) {
  const field = `Query.faulty${row}`;
  const policy = createPolicy(field, { ttl: '1s', staleIfError: '5m', tags: [field] });
  const own = cache.key({ field });
  const load = async () => {
    await redis.incr(`source:attempts:${row}`);
    if (await redis.exists('source:down')) throw new Error('down');
    return Number(await redis.incr('source:loads'));
  };
  const counts = { answered: 0, failed: 0, lastValue: 0 };
  const fetch = async () => {
    try {
      counts.lastValue = await cache.fetch(own, policy, load);
      counts.answered += 1;
    } catch {
      counts.failed += 1;
    }
  };
  const fetches = [];
  const startMs = performance.now();
  for (let dueMs = startMs; dueMs < startMs + durationMs; dueMs += everyMs) {
    await pause(Math.max(0, dueMs - performance.now()));
    fetches.push(fetch());
  }
  await Promise.all(fetches);
  return counts;
}

async function invalidateTag({ tag }) {
  await cache.invalidate([tag]);
}

/** The ways to read and to invalidate that are compared. A row is a version number that only increases. */
const ways = {
  cache: {
    read(row, load = () => loadRow(row)) {
      const field = `Row.n${row}`;
      const policy = createPolicy(field, { ttl: '1m', tags: [`rows:${row}`] });
      return cache.fetch(cache.key({ field }), policy, load);
    },
    invalidate: (row) => cache.invalidate([`rows:${row}`]),
  },
  /** Plain cache-aside, without tokens or leases. */
  control: {
    async read(row, load = () => loadRow(row)) {
      const found = await plain.get(`control:${row}`);
      if (found !== null) return Number(found);
      const version = await load();
      await plain.set(`control:${row}`, version, 'PX', 60_000);
      return version;
    },
    invalidate: (row) => plain.del(`control:${row}`),
  },
};

async function loadRow(row) {
  await pause(Math.random() * 4);
  const version = Number(await redis.get(`source:${row}`));
  await pause(Math.random() * 4);
  return version;
}

/** Reads a row once. The load counts in `begun:…` that it has read the row, and then waits for `loadMs`. */
function readRow({ way, row, loadMs = 0 }) {
  return ways[way].read(row, async () => {
    const version = Number(await redis.get(`source:${row}`));
    await redis.incr(`begun:${row}`);
    await pause(loadMs);
    return version;
  });
}

async function invalidateRow({ way, row }) {
  await ways[way].invalidate(row);
}

/** Makes `count` reads while a writer writes; see `readBesideWrites`. */
function readAndWrite({ way, count, rows, readers, writeEveryMs }) {
  const { read, invalidate } = ways[way];
  const write = async (row) => {
    const version = await redis.incr(`source:${row}`);
    // Repeat until the invalidation succeeds; the write counts as acknowledged from then on.
    for (;;) {
      const isInvalidated = await invalidate(row).then(
        () => true,
        () => false,
      );
      if (isInvalidated) return version;
      await pause(5); // without a connection it fails at once; the pause lets the client connect
    }
  };
  return readBesideWrites({ count, rows, readers, read: (row) => read(row), writers: 1, write, writeEveryMs });
}

serve(cache, { fetchAtOnce, fetchRegularly, fetchBesideFaults, invalidateTag, readRow, invalidateRow, readAndWrite });
ready();
