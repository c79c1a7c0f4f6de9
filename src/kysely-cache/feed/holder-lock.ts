/**
 * Waits for the slot without polling. The process that reads the slot has an advisory lock in the session of the stream, so the lock
 * ends when the server ends that session. The other processes wait for the lock in sessions of their own, each for at most ten
 * seconds at a time: a statement that waits holds back VACUUM.
 */
import { createHash } from 'node:crypto';
import type { Client } from 'pg';

/** Longer each time. */
const waitMs = [1_000, 2_000, 10_000] as const;

/** The key of the lock, as a literal. Advisory locks belong to a database. */
export function lockKeyOf(slot: string): string {
  return createHash('sha256').update(slot).digest().readBigInt64BE().toString();
}

/**
 * Resolves when no process has the lock; it may have it again when the caller asks for it.
 *
 * @param isInVain Asked after each wait: whether to give up.
 */
export async function waitUntilFree(
  client: Client,
  key: string,
  isInVain: () => Promise<boolean>,
): Promise<'free' | 'given up'> {
  for (let waits = 0; ; waits += 1) {
    await client.query(`set lock_timeout = ${waitMs[waits] ?? waitMs[2]}`);
    // A timeout is caught where it occurs, because the server would log it as an error.
    await client.query(
      `do $$ begin perform pg_advisory_lock(${key}); exception when lock_not_available then null; end $$`,
    );
    if (await tryLock(client, key)) break;
    if (await isInVain()) return 'given up';
  }
  await client.query('select pg_advisory_unlock_all()');
  return 'free';
}

/** Takes the lock until the session ends, if it is free or already the session's. */
export async function tryLock(client: Client, key: string): Promise<boolean> {
  const { rows } = await client.query<{ isTaken: boolean }>(`select pg_try_advisory_lock(${key}) as "isTaken"`);
  return rows[0]?.isTaken === true;
}

/** Whether a process waits for the lock. */
export async function isAwaited(client: Client, key: string): Promise<boolean> {
  const { rows } = await client.query(`
    select from pg_catalog.pg_locks
    where locktype = 'advisory' and not granted and (classid::int8 << 32) | objid::int8 = ${key}`);
  return rows.length > 0;
}
