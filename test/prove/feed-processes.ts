// Processes with a change feed each, on a PostgreSQL and a Redis of the test: what the tests `feed*.prove.ts` run in.
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { startPostgres } from '../../src/embedded/index.ts';
import { newProcess, newRedis, type EngineProcess } from './engine-processes.ts';
import type { TestRedis } from '../support/redis.ts';

export const scale = Number(process.env['SCALE'] ?? 1);
/** A number of rounds, scaled. */
export const rounds = (full: number): number => Math.max(1, Math.round(full * scale));
export const processCount = 4;
const memoryBytesMax = 8_000_000;

export interface World {
  readonly url: string;
  readonly redis: TestRedis;
  readonly sql: <Row extends object>(text: string) => Promise<Row[]>;
  /** The same in a session of its own, again and again until the server is there. */
  readonly retrying: <Row extends object>(text: string) => Promise<Row[]>;
  readonly process: (way?: 'feed' | 'control') => Promise<EngineProcess>;
}

interface WorldOptions {
  readonly rows: number;
  /** Bytes of the memory tiers. */
  readonly memory?: number;
  /** Of PostgreSQL. */
  readonly settings?: readonly string[];
}

export async function newWorld({ rows, memory = memoryBytesMax, settings = [] }: WorldOptions): Promise<World> {
  const extraArgs = ['max_connections=300', ...settings].flatMap((setting) => ['-c', setting]);
  const postgres = await startPostgres({ sqlFiles: [], extraArgs });
  onTestFinished(() => postgres.stop());
  const { server } = await newRedis();
  const client = new Client({ connectionString: postgres.url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  const sql: World['sql'] = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows;
  await sql('create table counters (id int primary key, version int not null)');
  await sql(`insert into counters select n, 0 from generate_series(0, ${rows}) n`);
  await sql('create publication cachepot for all tables');
  return {
    url: postgres.url,
    redis: server,
    sql,
    retrying: (text) => runUntilDone(postgres.url, text),
    process: (way = 'feed') =>
      newProcess('feed-process.mjs', { args: [server.socketPath, postgres.url, String(memory), way] }),
  };
}

async function runUntilDone<Row extends object>(url: string, text: string): Promise<Row[]> {
  for (;;) {
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query<Row>(text)).rows;
    } catch {
      await pause(20);
    } finally {
      await client.end().catch(() => {});
    }
  }
}
