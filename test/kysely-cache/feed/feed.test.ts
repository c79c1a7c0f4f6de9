// What the change feed promises while processes, connections, slots and stores fail.
import { Client } from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startPostgres } from '../../../src/embedded/index.ts';
import { FaultyStore } from '../../cache/store/faulty-store.ts';
import { feedWorld, memoryStore, patience, untilState, type FeedWorld } from './feed-world.ts';

const setUp = 'create table a (id int primary key, n int default 0); insert into a select generate_series(1, 9)';

interface SlotRow {
  readonly active_pid: number | null;
  readonly confirmed_flush_lsn: string;
  readonly slot_name: string;
}

async function slotOf(world: FeedWorld): Promise<SlotRow | undefined> {
  const [slot] = await world.run<SlotRow>(
    'select * from pg_replication_slots where database = current_database() order by slot_name limit 1',
  );
  return slot;
}

async function endReader(world: FeedWorld): Promise<void> {
  await world.run(
    `select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`,
  );
}

it('begins with a new slot, and by invalidating everything', async () => {
  const world = await feedWorld(setUp);
  const process = await world.process();
  await world.settled(process);
  expect(process.taken()).toBe('*');
  expect(process.feed.status).toMatchObject({ state: 'reading', reason: undefined, lagBytes: 0 });
  expect(process.log).toEqual([`change feed: this process reads the slot ${process.feed.status.slot}`]);
});

it('does not invalidate before a new snapshot sees the commit, which the log has long had', async () => {
  const server = await startPostgres({ sqlFiles: [] });
  onTestFinished(() => server.stop());
  const world = await feedWorld(setUp, server.url);
  const process = await world.process();
  await world.settled(process);
  process.taken();
  const writer = new Client({ connectionString: server.url });
  writer.on('error', () => {});
  await writer.connect();
  // From now on, commits wait for a standby that does not exist, unless their session does not want that.
  await world.run("alter system set synchronous_standby_names = 'absent'", 'select pg_reload_conf()');
  const isWaiting = async (): Promise<boolean> =>
    (await world.run("select from pg_stat_activity where wait_event = 'SyncRep'")).length > 0;
  let isCommitted = true;
  let committed = Promise.resolve();
  // The servers' processes need a moment to take the setting over.
  while (isCommitted) {
    isCommitted = false;
    committed = writer.query('update a set n = n + 1 where id = 7').then(() => void (isCommitted = true));
    await vi.waitUntil(async () => isCommitted || (await isWaiting()), patience);
  }
  // Later in the log, but visible.
  const updateVisibly = (id: number) =>
    world.run('set synchronous_commit = local', `update a set n = 2 where id = ${id}`);
  await updateVisibly(8);
  await vi.waitFor(() => expect(process.taken()).toContain('a:8'), patience);
  await updateVisibly(9);
  await vi.waitFor(() => expect(process.taken()).toBe('a:9'), patience);
  const { confirmed_flush_lsn: before } = (await slotOf(world)) ?? {};
  await world.run("alter system set synchronous_standby_names = ''", 'select pg_reload_conf()');
  await committed;
  await vi.waitFor(() => expect(process.taken()).toBe('a:7'), patience);
  await vi.waitFor(() => expect(process.feed.status.lagBytes).toBe(0), patience);
  expect((await slotOf(world))?.confirmed_flush_lsn).not.toBe(before);
  await writer.end();
});

it('misses nothing if its connection breaks, and does not invalidate everything', async () => {
  const world = await feedWorld(setUp);
  const process = await world.process();
  await world.settled(process);
  process.taken();
  await endReader(world);
  await world.run('update a set n = 1 where id = 1');
  await world.settled(process);
  expect(process.taken()).toBe('a:1');
  expect(process.log.at(-1)).toMatch('this process reads the slot');
  expect(process.log.some((line) => line.includes('interrupted, and tried again'))).toBe(true);
});

it('acknowledges no byte beyond what was sent: the next transaction may begin there', async () => {
  const world = await feedWorld(setUp);
  const process = await world.process();
  await world.settled(process);
  await process.feed.close();
  const { confirmed_flush_lsn: lsn = '' } = (await slotOf(world)) ?? {};
  // Records begin at multiples of eight.
  expect(Number(`0x${lsn.split('/')[1]}`) % 8).toBe(0);
});

it('is not ended by the timeouts that a database sets for its sessions', async () => {
  const world = await feedWorld(setUp);
  await world.run(`do $$ begin
    execute format('alter database %I set statement_timeout = 300', current_database());
    execute format('alter database %I set idle_session_timeout = 300', current_database());
  end $$`);
  const [reading, waiting] = [await world.process(), await world.process()];
  await vi.waitFor(async () => {
    const rows = await world.run(
      `select from pg_stat_activity where datname = current_database() and application_name = 'cachepot feed'
        and now() - backend_start > '2 s'`,
    );
    // Of both processes, and the stream.
    expect(rows).toHaveLength(3);
  }, patience);
  for (const { log } of [reading, waiting]) expect(log).toHaveLength(1);
});

it('records its position again if the store has lost it, although nothing changes', async () => {
  const world = await feedWorld(setUp);
  const { cache, feed } = await world.process();
  await cache.data.set(`feed:${feed.status.slot}`, 'lost');
  await vi.waitFor(async () => expect(await cache.data.get(`feed:${feed.status.slot}`)).not.toBe('lost'), patience);
});

it('is taken over by a process that waits, which misses nothing', async () => {
  const world = await feedWorld(setUp);
  const first = await world.process();
  await world.settled(first);
  const second = await world.process();
  expect(second.feed.status.state).toBe('waiting');
  await first.feed.close();
  await world.run('update a set n = 1 where id = 1');
  await untilState(second, 'reading');
  await world.settled(second);
  expect(second.taken()).toBe('a:1');
});

it('keeps its connection while nothing changes', async () => {
  const world = await feedWorld(setUp);
  await world.process();
  // The server ends the connection of a process that does not answer for two seconds.
  await vi.waitFor(async () => {
    const rows = await world.run(
      `select from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid
        where s.database = current_database() and now() - backend_start > '3 s'`,
    );
    expect(rows).toHaveLength(1);
  }, patience);
});

it('does not poll while it waits', async () => {
  const world = await feedWorld(setUp);
  const reading = await world.process();
  const waiting = await world.process();
  const statements = async (): Promise<unknown> =>
    await world.run(
      "select pid, query, query_start from pg_stat_activity where application_name = 'cachepot feed' and query like 'do %'",
    );
  await vi.waitFor(async () => expect(await statements()).toHaveLength(1), patience);
  const before = await statements();
  await world.settled(reading);
  expect(waiting.feed.status.state).toBe('waiting');
  expect(await statements()).toEqual(expect.arrayContaining(before as unknown[]));
});

it('acknowledges nothing while the store is unavailable, and delivers it afterwards', async () => {
  const world = await feedWorld(setUp);
  const store = new FaultyStore(memoryStore());
  const process = await world.process({ store });
  await world.settled(process);
  process.taken();
  store.health = 'failing';
  await world.run('update a set n = 1 where id = 1', 'update a set n = 2 where id = 2');
  await vi.waitFor(() => expect(process.feed.status.retries).toBeGreaterThan(1), patience);
  expect(process.feed.status.lagBytes).toBeGreaterThan(0);
  store.health = 'well';
  await vi.waitFor(() => expect(process.feed.status.lagBytes).toBe(0), patience);
  expect(process.taken()).toBe('a:1 a:2');
});

it('acknowledges what it has invalidated although the store is full', async () => {
  const world = await feedWorld(setUp);
  const store = new FaultyStore(memoryStore(), ['setData']);
  const process = await world.process({ store });
  await world.settled(process);
  store.health = 'full';
  await world.run('update a set n = 1 where id = 1');
  await vi.waitFor(() => expect(process.taken()).toContain('a:1'), patience);
  await vi.waitFor(() => expect(process.feed.status.lagBytes).toBe(0), patience);
});

it('invalidates everything after its slot was dropped, in a new one', async () => {
  const world = await feedWorld(setUp);
  const process = await world.process();
  await world.settled(process);
  process.taken();
  // The feed reads it again at once, so this may need several attempts.
  await world.run(`do $$ declare slot record; begin
    loop
      select * from pg_replication_slots where database = current_database() into slot;
      perform pg_terminate_backend(slot.active_pid);
      begin
        perform pg_drop_replication_slot(slot.slot_name);
        exit;
      exception when object_in_use then
      end;
    end loop;
  end $$`);
  await vi.waitFor(() => expect(process.taken()).toBe('*'), patience);
  expect(await world.invalidates(process, 'update a set n = 1 where id = 1')).toBe('a:1');
  expect(process.log.some((line) => line.includes('the slot was gone'))).toBe(true);
});

it('invalidates everything in a store to which it has not delivered what was acknowledged', async () => {
  const world = await feedWorld(setUp);
  const first = await world.process();
  await world.settled(first);
  await first.feed.close();
  // The store was restored from an older copy.
  await first.cache.data.set(`feed:${first.feed.status.slot}`, '0/1');
  const second = await world.process();
  await world.settled(second);
  expect(second.taken()).toBe('*');
  const third = await world.process();
  expect(third.feed.status.state).toBe('waiting');
  await second.feed.close();
  await untilState(third, 'reading');
  await world.settled(third);
  expect(third.taken()).toBe('');
});

it('invalidates everything if the slot is new, although the store is ahead of it: the database was restored', async () => {
  const world = await feedWorld(setUp);
  const first = await world.process();
  await world.settled(first);
  await first.feed.close();
  const { slot } = first.feed.status;
  await world.run(`select pg_drop_replication_slot('${slot}')`);
  await first.cache.data.set(`feed:${slot}`, 'FFFFFFFF/0');
  const second = await world.process();
  await world.settled(second);
  expect(second.taken()).toBe('*');
});

it('reads a slot of its own if another process reads the shared one for another Redis', async () => {
  const world = await feedWorld(setUp);
  const first = await world.process();
  // The same namespace, in a store of its own that calls itself Redis.
  const store = memoryStore();
  const second = await world.process({ store: { ...store, tier: 'redis', namespace: world.namespace } });
  await vi.waitFor(() => expect(second.log.join()).toMatch('is read for another Redis'), patience);
  await untilState(second, 'reading');
  expect(await world.invalidates(second, 'update a set n = 1 where id = 1')).toBe('a:1');
  expect(first.feed.status.state).toBe('reading');
});

it('reads a slot of its own if that is asked for, which ends with it', async () => {
  const world = await feedWorld(setUp);
  const processes = [await world.process({ ownSlot: true }), await world.process({ ownSlot: true })];
  for (const process of processes) {
    expect(process.feed.status.state).toBe('reading');
    expect(await world.invalidates(process, 'update a set n = 1 where id = 1')).toBe('a:1');
    await process.feed.close();
    expect(process.log).toHaveLength(1);
  }
  await vi.waitFor(async () => expect(await slotOf(world)).toBeUndefined(), patience);
});

it('has a slot of its own, which ends with it, if the store belongs to the process', async () => {
  const world = await feedWorld(setUp);
  const processes = [await world.process({ store: memoryStore() }), await world.process({ store: memoryStore() })];
  for (const process of processes) {
    expect(process.feed.status.state).toBe('reading');
    expect(await world.invalidates(process, 'update a set n = 1 where id = 1')).toBe('a:1');
  }
  for (const process of processes) await process.feed.close();
  await vi.waitFor(async () => expect(await slotOf(world)).toBeUndefined(), patience);
});
