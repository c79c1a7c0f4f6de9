// A database whose changes are fed into caches on one Redis: each feed stands for a process.
import { randomBytes } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import { expect, inject, onTestFinished, vi } from 'vitest';
import { createCache, createMemoryStore, createRedisStore, type Cache, type Store } from '../../../src/cache/index.ts';
import { changeFeed, touchedTables, type ChangeFeed, type ChangeFeedOptions } from '../../../src/kysely-cache/index.ts';
import { createEmptyDatabase } from '../../support/databases.ts';

export interface FedProcess {
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  /** The lines that the feed has logged. */
  readonly log: string[];
  /** The tags that were invalidated since the last call, without those of `marker`. */
  readonly taken: () => string;
}

export interface FeedWorld {
  readonly url: string;
  readonly namespace: string;
  /** Runs SQL in a session of its own, as another program does. */
  readonly run: <Row extends object = object>(...texts: string[]) => Promise<Row[]>;
  /** A process with a feed, which is ready. */
  readonly process: (options?: ProcessOptions) => Promise<FedProcess>;
  /** Runs SQL, and returns what `by` invalidates because of it. */
  readonly invalidates: (by: FedProcess, ...texts: string[]) => Promise<string>;
  /** Resolves when everything that was committed before is invalidated. */
  readonly settled: (by: FedProcess) => Promise<void>;
}

interface ProcessOptions extends Partial<ChangeFeedOptions> {
  readonly store?: Store;
  /** Of the cache; by default so long that a busy machine is not mistaken for an outage. */
  readonly deadlineMs?: number;
  readonly namespace?: string;
}

/** For what another program or server does, however slow the machine is. */
export const patience = { timeout: 60_000, interval: 5 };

export function memoryStore(): Store {
  return createMemoryStore({ namespace: 'feed' });
}

/** @param url A database; by default an empty one, with a publication of all tables. */
export async function feedWorld(setUp: string, url?: string): Promise<FeedWorld> {
  const database = url === undefined ? await createEmptyDatabase() : { url, drop: async () => {} };
  onTestFinished(() => database.drop());
  const namespace = `feed-${randomBytes(6).toString('hex')}`;
  const run: FeedWorld['run'] = async <Row extends object>(...texts: string[]) => {
    const client = new Client({ connectionString: database.url });
    client.on('error', () => {});
    await client.connect();
    try {
      let rows: Row[] = [];
      for (const text of texts) ({ rows } = await client.query<Row>(text));
      return rows;
    } finally {
      await client.end();
    }
  };
  await run('create table marker (id bigint primary key)', setUp, 'create publication cachepot for all tables');
  let markers = 0;
  const settled: FeedWorld['settled'] = async ({ cache, feed }) => {
    const id = String((markers += 1));
    const isSeen = new Promise<void>((resolve) => {
      cache.on((event) => void (event.type === 'invalidate' && event.tags.includes(`marker:${id}`) && resolve()));
    });
    await run(`insert into marker values (${id})`);
    await isSeen;
    await vi.waitFor(() => expect(feed.status.lagBytes).toBe(0), patience);
  };
  return {
    url: database.url,
    namespace,
    run,
    settled,
    async process(options = {}) {
      return await newProcess(database.url, { namespace, ...options });
    },
    async invalidates(by, ...texts) {
      await settled(by);
      by.taken();
      await run(...texts);
      await settled(by);
      return by.taken();
    },
  };
}

async function newProcess(url: string, options: ProcessOptions & { namespace: string }): Promise<FedProcess> {
  const { namespace, store, deadlineMs = 60_000, ...feedOptions } = options;
  const opened =
    store ?? (await createRedisStore({ address: inject('redisSocketPath'), namespace, deadlineMs: 60_000 }));
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  const tables = touchedTables(new PostgresDialect({ pool }));
  const db = new Kysely<object>({ dialect: tables.dialect });
  const cache = createCache({ store: opened, deadlineMs, log: false });
  const log: string[] = [];
  const write = (_fields: object, line: string): void => void log.push(line);
  const feed = changeFeed({ pool, cache, tables, log: { warn: write, info: write }, ...feedOptions });
  onTestFinished(async () => {
    await feed.close();
    await cache.close();
    await db.destroy();
    if (!pool.ended) await pool.end();
  });
  const tags = new Set<string>();
  cache.on((event) => {
    if (event.type === 'invalidate') for (const tag of event.tags) if (!tag.startsWith('marker')) tags.add(tag);
  });
  await feed.ready;
  const taken = (): string => {
    const all = [...tags].toSorted().join(' ');
    tags.clear();
    return all;
  };
  return { cache, feed, log, taken };
}

/** Resolves when the feed is in this state. */
export async function untilState(
  { feed }: Pick<FedProcess, 'feed'>,
  state: ChangeFeed['status']['state'],
): Promise<void> {
  await vi.waitFor(() => {
    if (feed.status.state !== state) throw new Error(`the feed is ${feed.status.state}: ${feed.status.reason}`);
  }, patience);
}
