// What a change feed needs of a database, what it says if that is missing, and what it does when that changes.
import { Client } from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startPostgres } from '../../../src/embedded/index.ts';
import { feedSetup, installFeed, removeFeed, type SqlClient } from '../../../src/kysely-cache/index.ts';
import { runBuilt } from '../../database/command-line.ts';
import { feedWorld, patience, untilState, type FeedWorld } from './feed-world.ts';

const setUp = `
  create table a (id int primary key, n int default 0);
  create table no_key (id int);
  create table whole (id int); alter table whole replica identity full;
  create unlogged table scratch (id int primary key);
  create table p (id int primary key) partition by range (id); create table p1 partition of p for values from (0) to (10);
  create table q (id int) partition by range (id); create table q1 partition of q for values from (0) to (10);
  create schema s; create table s."Odd name" (id int primary key);
  insert into a select generate_series(1, 9)`;

async function clientOf({ url }: Pick<FeedWorld, 'url'>): Promise<SqlClient> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe('the feed is off, and says what to run, if', () => {
  it('there is no publication; it works as soon as there is one', async () => {
    const world = await feedWorld(setUp);
    await world.run('drop publication cachepot');
    const advance: { run?: () => void } = {};
    const clock = {
      nowMs: () => performance.now(),
      after: (_ms: number, run: () => void) => ((advance.run = run), () => {}),
    };
    const process = await world.process({ clock });
    expect(process.feed.status.state).toBe('off');
    expect(process.log).toEqual([
      'change feed: off, so changes by other programs are seen when the TTL ends: there is no publication cachepot: ' +
        'run CREATE PUBLICATION cachepot FOR TABLE <the tables that cached values depend on>',
    ]);
    await installFeed(await clientOf(world));
    advance.run?.();
    await untilState(process, 'reading');
  });

  it('the log has not what it needs', async () => {
    const server = await startPostgres({ sqlFiles: [], extraArgs: ['-c', 'wal_level=replica'] });
    onTestFinished(() => server.stop());
    const world = await feedWorld(setUp, server.url);
    const { feed } = await world.process();
    expect(feed.status.reason).toBe(
      "wal_level must be logical, got replica: run ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL",
    );
    expect(feed.status.state).toBe('off');
  });

  it('the user may not read the log', async () => {
    const world = await feedWorld(setUp);
    const role = `reader_${world.namespace.replace('-', '_')}`;
    await world.run(`create role ${role} login`);
    const connection = { connectionString: world.url.replace('postgres@', `${role}@`) };
    const { feed } = await world.process({ connection });
    expect(feed.status.reason).toBe('the user may not read the log: run ALTER ROLE <user> REPLICATION as a superuser');
    await feed.close();
    await world.run(`drop role ${role}`);
  });

  it('the server has no slot left', async () => {
    const server = await startPostgres({ sqlFiles: [], extraArgs: ['-c', 'max_replication_slots=1'] });
    onTestFinished(() => server.stop());
    const world = await feedWorld(setUp, server.url);
    await world.run("select pg_create_physical_replication_slot('another')");
    const { feed } = await world.process();
    expect(feed.status.reason).toMatch('all replication slots are in use: raise max_replication_slots');
  });
});

describe('while the feed runs', () => {
  it('nothing is retained for it after the publication was dropped, and everything is invalidated after a new one', async () => {
    const world = await feedWorld(setUp);
    const process = await world.process();
    await world.settled(process);
    process.taken();
    await world.run('drop publication cachepot', 'update a set n = 1');
    await untilState(process, 'off');
    const client = await clientOf(world);
    expect((await feedSetup(client)).slots).toEqual([]);
    await installFeed(client);
    const next = await world.process();
    await world.settled(next);
    expect(next.taken()).toBe('*');
  });

  it('a slot that is older than its publication is replaced', async () => {
    const world = await feedWorld(setUp);
    const process = await world.process();
    await world.settled(process);
    process.taken();
    await world.run(
      'begin; drop publication cachepot; update a set n = 2; commit',
      'create publication cachepot for all tables',
    );
    await vi.waitFor(() => expect(process.taken()).toBe('*'), patience);
    expect(await world.invalidates(process, 'update a set n = 1 where id = 1')).toBe('a:1');
  });

  it('a table that is published later is fed from then on', async () => {
    const world = await feedWorld(setUp);
    const client = await clientOf(world);
    await installFeed(client, { tables: ['marker'] });
    const process = await world.process();
    expect(await world.invalidates(process, 'update a set n = 1 where id = 1')).toBe('');
    await world.run('alter publication cachepot add table a');
    expect(await world.invalidates(process, 'update a set n = 2 where id = 1')).toBe('a:1');
  });
});

it('a slot whose log the server has removed is replaced, and everything is invalidated', async () => {
  const extraArgs = ['-c', 'max_slot_wal_keep_size=1MB', '-c', 'max_wal_size=32MB'];
  const server = await startPostgres({ sqlFiles: [], extraArgs });
  onTestFinished(() => server.stop());
  const world = await feedWorld(setUp, server.url);
  const first = await world.process();
  await world.settled(first);
  await first.feed.close();
  expect(first.log.at(-1)).toMatch(
    /the slot cachepot_feed_\w+ stays, so the next start misses nothing; until then, PostgreSQL/,
  );
  await vi.waitFor(async () => {
    await world.run('insert into no_key select generate_series(1, 200000)', 'select pg_switch_wal()', 'checkpoint');
    const [slot] = (await feedSetup(await clientOf(world))).slots;
    expect(slot?.walStatus).toBe('lost');
  }, patience);
  const second = await world.process();
  await world.settled(second);
  expect(second.taken()).toBe('*');
  expect(second.log.some((line) => line.includes('raise max_slot_wal_keep_size'))).toBe(true);
});

it('a process that closes says nothing of the slot while another one waits for it', async () => {
  const world = await feedWorld(setUp);
  const first = await world.process();
  const second = await world.process();
  await vi.waitFor(async () => {
    const waiting = await world.run("select from pg_locks where locktype = 'advisory' and not granted");
    expect(waiting.length).toBeGreaterThan(0);
  }, patience);
  await first.feed.close();
  expect(first.log).toHaveLength(1);
  await untilState(second, 'reading');
});

describe('installing', () => {
  it('publishes every table whose rows can still be changed then', async () => {
    const world = await feedWorld(setUp);
    const client = await clientOf(world);
    const installed = await installFeed(client);
    expect(installed).toEqual({
      published: ['a', 'marker', 'p', 's."Odd name"', 'whole'],
      leftOut: ['no_key', 'q', 'scratch'],
    });
    const { published, unpublished } = await feedSetup(client);
    expect({ published, leftOut: unpublished }).toEqual(installed);
    await world.run('delete from no_key', 'update a set n = 1', 'delete from whole', 'delete from p', 'delete from q');
  });

  it.each<[string[], string]>([
    [['nothing'], 'there is no table nothing to publish'],
    [
      ['no_key'],
      'no_key has no primary key, or is unlogged or temporary: run ALTER TABLE no_key REPLICA IDENTITY FULL first',
    ],
    [["a'; drop table a; --"], "there is no table a'; drop table a; -- to publish"],
  ])('refuses %j', async (tables, message) => {
    const world = await feedWorld(setUp);
    await expect(installFeed(await clientOf(world), { tables })).rejects.toMatchObject({
      code: 'TABLE_REFUSED',
      message,
    });
    expect((await feedSetup(await clientOf(world))).published).toHaveLength(7);
  });

  it('can be undone while the feed runs, and leaves nothing behind', async () => {
    const world = await feedWorld(setUp);
    const process = await world.process();
    const client = await clientOf(world);
    expect(await removeFeed(client)).toEqual([process.feed.status.slot]);
    await untilState(process, 'off');
    expect(await feedSetup(client)).toMatchObject({ published: undefined, slots: [] });
    expect(await removeFeed(client)).toEqual([]);
  });
});

it('npm run feed installs, describes and removes', async () => {
  const world = await feedWorld(setUp);
  const feed = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await runBuilt('feed-cli', world.url, args);
    return stdout + stderr;
  };
  expect(await feed('install', '--tables', 'a, p')).toBe('Published: a, p.\n');
  const process = await world.process();
  expect(await feed('status')).toMatch(
    new RegExp(
      `^wal_level: logical\npublished tables: a, p\nother tables: marker, no_key.*\nmax_slot_wal_keep_size: 256MB\n` +
        `slot ${process.feed.status.slot}: read, [\\d.]+ MB retained, reserved\n$`,
    ),
  );
  expect(await feed('install', '--tables', 'b')).toBe('there is no table b to publish\n');
  expect(await feed('remove')).toBe(`Dropped: ${process.feed.status.slot}.\nThe publication is gone.\n`);
  expect(await feed('status')).toMatch(/published tables: none \(run npm run feed -- install\)\n(.*\n)no slot/);
});
