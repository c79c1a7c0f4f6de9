/**
 * The replication slot of a namespace: a queue that the server keeps, its cursor, and a lock in one. It retains what has not been
 * acknowledged, and one process at a time reads it.
 */
import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { FeedError } from './feed-error.ts';
import { lsnOf, type Lsn } from './lsn.ts';

/** A slot as the server describes it. https://www.postgresql.org/docs/current/view-pg-replication-slots.html */
export interface SlotRow {
  readonly plugin: string;
  /** Null if it belongs to another database, whose name may not be shown. */
  readonly isHere: boolean;
  readonly confirmedLsn: string | null;
  /** `lost`: the server has removed what it retained. */
  readonly walStatus: string | null;
  readonly holderPid: number | null;
}

/** Where the stream begins. */
export interface SlotStart {
  readonly lsn: Lsn;
  /** Whether changes may have been missed: the slot is new. */
  readonly isNew: boolean;
}

/** The same for all processes that share a namespace and a database. Slots belong to the whole server, so the name has both. */
export function slotNameOf(namespace: string, databaseOid: string): string {
  const digest = createHash('sha256').update(`${namespace}\0${databaseOid}`).digest('hex').slice(0, 8);
  return `cachepot_${namespace.replaceAll('-', '_')}_${digest}`;
}

export async function readSlot(client: Client, slot: string): Promise<SlotRow | undefined> {
  const { rows } = await client.query<SlotRow>(`
    select plugin::text, database = current_database() as "isHere", confirmed_flush_lsn::text as "confirmedLsn",
      wal_status as "walStatus", active_pid as "holderPid"
    from pg_catalog.pg_replication_slots where slot_name = '${slot}'`);
  return rows[0];
}

/** The server needs a moment to free the slot of a session that has ended. */
const freeingMsMax = 1_000;

/** Resolves when no session reads the slot. Rejects if one still does after a second. */
export async function untilFreed(client: Client, slot: string, pause: (ms: number) => Promise<void>): Promise<void> {
  for (let waitedMs = 0; (await readSlot(client, slot))?.holderPid != null; waitedMs += 10) {
    if (waitedMs > freeingMsMax) throw new Error(`another program reads the slot ${slot}`);
    await pause(10);
  }
}

/**
 * Returns where to begin: with a new slot if there is none, or if the server has removed what it retained.
 *
 * @param isBroken Whether the slot cannot be read, although it is there.
 */
export async function openSlot(client: Client, slot: string, isBroken: boolean): Promise<SlotStart> {
  const found = await readSlot(client, slot);
  if (found !== undefined && (found.plugin !== 'pgoutput' || !found.isHere)) {
    throw new FeedError('SLOT_FOREIGN', `the replication slot ${slot} belongs to another program or database`);
  }
  if (found !== undefined && (isBroken || found.walStatus === 'lost')) {
    await client.query(`select pg_drop_replication_slot('${slot}')`);
  } else if (found !== undefined && found.confirmedLsn !== null) {
    return { lsn: lsnOf(found.confirmedLsn), isNew: false };
  }
  return await createSlot(client, slot, false);
}

/** @param isTemporary Whether it ends with the session. */
export async function createSlot(client: Client, slot: string, isTemporary: boolean): Promise<SlotStart> {
  const { rows } = await client.query<{ lsn: string }>(
    `select lsn::text from pg_create_logical_replication_slot('${slot}', 'pgoutput', ${isTemporary})`,
  );
  return { lsn: lsnOf(rows[0]?.lsn ?? ''), isNew: true };
}

/** Drops the slot, unless a process reads it. */
export async function dropUnreadSlot(client: Client, slot: string): Promise<void> {
  await client.query(
    `select pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots where slot_name = '${slot}' and not active`,
  );
}
