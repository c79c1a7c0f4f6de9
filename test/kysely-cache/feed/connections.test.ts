// The feed's own connections: with a password, and to a server that no longer replies.
import { Client } from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Pool } from 'pg';
import { startPostgres } from '../../../src/embedded/index.ts';
import { connectionOf } from '../../../src/kysely-cache/feed/connections.ts';
import { readWalPosition } from '../../../src/kysely-cache/feed/wal-position.ts';
import { feedWorld, patience, untilState } from './feed-world.ts';

it('have the password of the pool, which hides it', () => {
  const pool = new Pool({ host: 'db', user: 'app', password: 'secret' });
  expect(Object.keys(pool.options)).not.toContain('password');
  expect(new Client(connectionOf(pool.options)).password).toBe('secret');
});

it('are given up if the server does not reply, and made anew when it does', async () => {
  const server = await startPostgres({ sqlFiles: [] });
  onTestFinished(() => server.stop());
  const world = await feedWorld('create table a (id int primary key)', server.url);
  const process = await world.process();
  await world.settled(process);
  const rows = await world.run<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = 'cachepot feed'",
  );
  const pids = [server.pid, ...rows.map(({ pid }) => pid)];
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of pids) {
      try {
        globalThis.process.kill(pid, name);
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  signal('SIGSTOP');
  onTestFinished(() => signal('SIGCONT'));
  await untilState(process, 'interrupted');
  expect(process.feed.status.reason).toBe('the server has sent nothing for 5000 ms');
  await expect(readWalPosition({ connectionString: server.url })).rejects.toThrow(/time/);
  signal('SIGCONT');
  await untilState(process, 'reading');
  await vi.waitFor(
    async () => expect(await world.invalidates(process, 'insert into a values (1)')).toBe('a:1'),
    patience,
  );
});
