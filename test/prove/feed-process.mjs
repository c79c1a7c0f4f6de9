// A process of the test `feed.prove.ts`: its own cache with a change feed, on the Redis and the PostgreSQL that all processes share.
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import { ready, serve } from './engine-tasks.mjs';

const { Pool } = createRequire(import.meta.url)('pg');
const built = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url).href);
const { createCache, createPolicy, createRedisStore } = await built('cache/index.js');
const { changeFeed, touchedTables } = await built('kysely-cache/index.js');
const { LoggedTransaction } = await built('kysely-cache/feed/logged-transaction.js');
const { RelationTags } = await built('kysely-cache/feed/relation-tags.js');
const { ReplicationStream } = await built('kysely-cache/feed/replication-stream.js');
const { createSlot } = await built('kysely-cache/feed/slot.js');

const [address, connectionString, memoryBytes, way = 'feed'] = process.argv.slice(2);
const pool = new Pool({ connectionString, max: 20 });
pool.on('error', () => {});
pool.on('connect', (client) => client.on('error', () => {}));
const tables = touchedTables(new PostgresDialect({ pool }));
const db = new Kysely({ dialect: tables.dialect });
const store = await createRedisStore({ address, namespace: 'feed', deadlineMs: 1_000 });
const memoryBytesMax = Number(memoryBytes);
const cache = createCache({ store, deadlineMs: 1_000, memoryBytesMax, knownTags: tables.tags, log: false });
await tables.read();
const feed = way === 'feed' ? changeFeed({ pool, cache, tables, log: false }) : undefined;
await (feed?.ready ?? startControl());
const nowNs = () => Number(process.hrtime.bigint());

/** Invalidates as soon as the log has a commit, without asking whether new snapshots see it. */
async function startControl() {
  const relations = new RelationTags(tables.lineageOf);
  let transaction;
  const stream = new ReplicationStream({
    connection: pool.options,
    slot: 'control',
    publication: 'cachepot',
    prepare: (client) => createSlot(client, 'control', true),
    onKeepalive: (walEnd) => stream.acknowledge(walEnd),
    onMessage(message) {
      if (message.tag === 'begin') transaction = new LoggedTransaction(message);
      if (message.tag !== 'commit') transaction?.note(message);
      else void transaction.tags(relations).then((tags) => tags.scopes(500).map((scope) => cache.invalidate(scope)));
    },
  });
  await stream.started;
}

function read(row) {
  const field = `Counter.n${row}`;
  const policy = createPolicy(field, { ttl: '1h', tags: [`counters:${row}`] });
  return cache.fetch(cache.key({ field }), policy, async () => {
    const { version } = await db
      .selectFrom('counters')
      .select('version')
      .where('id', '=', row)
      .executeTakeFirstOrThrow();
    return version;
  });
}

/** Reads these rows, with several requests at once. */
async function readRows({ rows }) {
  const versions = [];
  for (let from = 0; from < rows.length; from += 50)
    versions.push(...(await Promise.all(rows.slice(from, from + 50).map(read))));
  return versions;
}

/** Reads a row until it has this version; returns the nanosecond at which that read began. */
async function until({ row, version }) {
  for (;;) {
    const beganNs = nowNs();
    if ((await read(row)) === version) return beganNs;
    await pause(0.5);
  }
}

/**
 * Changes rows `count` times, eight at once, and reads each at once, when its invalidation arrives, and again after the response.
 * Returns how often the cache still had the old value then.
 */
async function changeAndRead({ rows, count }) {
  const writers = 8;
  const seen = new Map();
  cache.on((event) => {
    if (event.type === 'invalidate') for (const tag of event.tags) seen.get(tag)?.();
  });
  const write = async (first) => {
    let stale = 0;
    const client = await pool.connect();
    for (let done = first; done < count; done += writers) {
      const row = 1 + (done % rows);
      await read(row);
      const invalidated = new Promise((resolve) => seen.set(`counters:${row}`, resolve));
      // The read that follows the invalidation runs in its tick: it is as early as a read can be.
      const early = invalidated.then(() => read(row));
      const { rows: changed } = await client.query(
        `update counters set version = version + 1 where id = ${row} returning version`,
      );
      await early;
      if ((await read(row)) !== changed[0].version) {
        stale += 1;
        await cache.invalidate([`counters:${row}`]);
      }
    }
    client.release();
    return stale;
  };
  const counts = await Promise.all(Array.from({ length: writers }, (_, first) => write(first)));
  return counts.reduce((sum, stale) => sum + stale, 0);
}

/** Writes a row as the API does, and is killed between COMMIT and the invalidation. */
async function writeAndDie({ row }) {
  const writing = tables.writing({ invalidateCommitted: () => process.kill(process.pid, 'SIGKILL') });
  await writing(db, (trx) =>
    trx.updateTable('counters').set({ version: -1 }).where('id', '=', row).executeTakeFirstOrThrow(),
  );
}

let peak = { heapMb: 0, rssMb: 0 };
let sampling;

/** Takes the largest size from now on. */
async function watchMemory() {
  clearInterval(sampling);
  peak = { heapMb: 0, rssMb: 0 };
  sampling = setInterval(() => {
    const { heapUsed, rss } = process.memoryUsage();
    const megabytes = (bytes) => Math.round(bytes / 1_000_000);
    peak = { heapMb: Math.max(peak.heapMb, megabytes(heapUsed)), rssMb: Math.max(peak.rssMb, megabytes(rss)) };
  }, 20);
}

async function peakMemory() {
  return peak;
}

/** The time that this process has computed for, in milliseconds. */
async function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const status = async () => feed?.status;
serve(cache, { readRows, until, changeAndRead, writeAndDie, cpuMs, watchMemory, peakMemory, status });
ready();
