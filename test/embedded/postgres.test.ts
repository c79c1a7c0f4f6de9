import { randomUUID } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/index.ts';
import { newRoom, processGroup, type Room } from './room.ts';

describe('an embedded PostgreSQL', () => {
  it('runs the SQL files in order, and leaves no process, socket or folder', async () => {
    const room = await newRoom();
    const tables = await sqlFile(room, 'create table words (word text);');
    const rows = await sqlFile(room, "insert into words values ('a'); insert into words values ('b');");
    const postgres = await start([tables, rows]);

    expect(await ask(postgres.url, 'select current_database() as d, count(*)::int as n from words')).toEqual([
      { d: 'shop', n: 2 },
    ]);
    expect(await room.processes()).toContain(postgres.pid);

    await postgres.stop();
    await postgres.stop();
    expect(await room.processes()).toEqual([]);
    expect(await serverFolders(room)).toEqual([]);
  });

  it('ignores the case of non-ASCII letters in ILIKE', async () => {
    await newRoom();
    const { url } = await start([]);
    expect(await ask(url, "select 'ÉCOLE ŽLUTÝ' ilike '%école žlutý%' as found")).toEqual([{ found: true }]);
  });

  it('stops even while clients are connected', async () => {
    const room = await newRoom();
    const postgres = await start([]);
    const client = new Client({ connectionString: postgres.url });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await client.connect();

    await postgres.stop();
    await expect.poll(() => errors[0]).toMatchObject({ code: '57P01' });
    expect(await room.processes()).toEqual([]);
  });

  it('has its own process group and a private folder, and does not run as root', async () => {
    const room = await newRoom();
    const { pid } = await start([]);
    expect(await processGroup(pid)).toBe(pid);
    const [name] = await serverFolders(room);
    const folder = await stat(join(room.path, name ?? ''));
    expect(folder.mode & 0o777).toBe(0o700);
    expect((await stat(`/proc/${pid}`)).uid).toBe(folder.uid);
    expect(folder.uid).not.toBe(0);
  });

  it('runs with the given arguments', async () => {
    await newRoom();
    const postgres = await startPostgres({
      sqlFiles: [],
      extraArgs: ['-c', 'max_connections=7', '-c', 'fsync=on'],
    });
    onTestFinished(() => postgres.stop());
    expect(await ask(postgres.url, 'show max_connections')).toEqual([{ max_connections: '7' }]);
    expect(await ask(postgres.url, 'show fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('is cleaned up by stop after it was killed', async () => {
    const room = await newRoom();
    const postgres = await start([]);
    process.kill(postgres.pid, 'SIGKILL');
    await postgres.stop();
    expect(await serverFolders(room)).toEqual([]);
    await expect.poll(() => room.processes()).toEqual([]);
  });

  it('runs beside a second one', async () => {
    const room = await newRoom();
    const [one, two] = await Promise.all([start([]), start([])]);
    await ask(one.url, 'create table only_here ()');
    await one.stop();
    expect(await ask(two.url, "select to_regclass('only_here') as t")).toEqual([{ t: null }]);
    await two.stop();
    expect(await room.processes()).toEqual([]);
    expect(await serverFolders(room)).toEqual([]);
  });

  it('rejects with the name of the file whose SQL is wrong, and leaves nothing behind', async () => {
    const room = await newRoom();
    const wrong = await sqlFile(room, 'create tabel words ();');
    await expect(startPostgres({ sqlFiles: [wrong] })).rejects.toMatchObject({
      code: 'SQL_FAILED',
      message: `${wrong}: syntax error at or near "tabel"`,
    });
    expect(await room.processes()).toEqual([]);
    expect(await serverFolders(room)).toEqual([]);
  });
});

async function start(sqlFiles: string[]): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres({ sqlFiles });
  onTestFinished(() => postgres.stop());
  return postgres;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function serverFolders(room: Room): Promise<string[]> {
  return (await room.leftFiles()).filter((name) => !name.endsWith('.sql'));
}

async function sqlFile(room: Room, sql: string): Promise<string> {
  const path = join(room.path, `${randomUUID()}.sql`);
  await writeFile(path, sql);
  return path;
}
