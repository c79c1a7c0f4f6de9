/** Sets a database up for change feeds, and removes what they have left in it: a publication, and replication slots. */
import { FeedError } from './feed-error.ts';
import { isPublicationName, publicationRule } from './feed-options.ts';

/** What is needed of a client of node-postgres. */
export interface SqlClient {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
}

/** What to publish. */
export interface FeedInstallation {
  /** Names of tables, as SQL names them. Default: all tables that can be published. */
  readonly tables?: readonly string[];
  /** Default: `cachepot`. */
  readonly publication?: string;
}

/** Which tables are published, and which are not. */
export interface InstalledFeed {
  readonly published: readonly string[];
  /** Without a primary key: PostgreSQL would refuse to update and delete the rows of a published table without one. */
  readonly leftOut: readonly string[];
}

interface TableRow {
  readonly name: string;
  readonly canPublish: boolean;
}

/**
 * Creates the publication that change feeds read, or changes which tables it has.
 *
 * @throws {FeedError} `PUBLICATION_REFUSED` for its name; `TABLE_REFUSED` for a named table that does not exist, or that has no
 *   primary key and no other replica identity.
 */
export async function installFeed(
  client: SqlClient,
  { tables, publication = 'cachepot' }: FeedInstallation = {},
): Promise<InstalledFeed> {
  checkPublication(publication);
  const all = await tablesOf(client);
  const named = tables === undefined ? all : await tablesNamed(client, all, tables);
  const published = named.filter(({ canPublish }) => canPublish).map(({ name }) => name);
  const leftOut = named.filter(({ canPublish }) => !canPublish).map(({ name }) => name);
  if (published.length === 0) throw new FeedError('TABLE_REFUSED', 'there is no table with a primary key to publish');
  await client.query(`
    begin;
    drop publication if exists ${publication};
    create publication ${publication} for table ${published.join(', ')};
    commit`);
  return { published, leftOut };
}

/** Ordinary and partitioned tables, of which the partitions come with them. */
async function tablesOf(client: SqlClient): Promise<readonly TableRow[]> {
  const { rows } = await client.query(`
    select c.oid::regclass::text as name, c.relpersistence = 'p' and not exists (
      select from (
        select c.oid where c.relkind = 'r' union all select t.relid from pg_partition_tree(c.oid) t where t.isleaf
      ) leaf join pg_catalog.pg_class p on p.oid = leaf.oid
      where not (p.relreplident in ('f', 'i') or p.relreplident = 'd' and exists (
        select from pg_catalog.pg_index x where x.indrelid = p.oid and x.indisprimary))
    ) as "canPublish"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    order by 1`);
  return rows as readonly TableRow[];
}

async function tablesNamed(
  client: SqlClient,
  all: readonly TableRow[],
  names: readonly string[],
): Promise<readonly TableRow[]> {
  const found: TableRow[] = [];
  for (const given of names) {
    const { rows } = await client.query(`select to_regclass(${literal(given)})::text as name`);
    const [{ name } = { name: null }] = rows as readonly { readonly name: string | null }[];
    const table = all.find((one) => one.name === name);
    if (table === undefined) throw new FeedError('TABLE_REFUSED', `there is no table ${given} to publish`);
    if (!table.canPublish) {
      const how = `run ALTER TABLE ${table.name} REPLICA IDENTITY FULL first`;
      throw new FeedError('TABLE_REFUSED', `${given} has no primary key, or is unlogged or temporary: ${how}`);
    }
    found.push(table);
  }
  return found;
}

/**
 * Drops the publication, and the slots of all change feeds of this database, so that the server no longer retains its log for them.
 *
 * @returns The names of the dropped slots.
 */
export async function removeFeed(client: SqlClient, publication = 'cachepot'): Promise<readonly string[]> {
  checkPublication(publication);
  await client.query(`drop publication if exists ${publication}`);
  const dropped: string[] = [];
  for (const { slot } of await slotsOf(client)) {
    // A process that reads it reconnects at once, until it notices that the publication is gone.
    await client.query(`
      do $$ begin
        loop
          perform pg_terminate_backend(active_pid) from pg_catalog.pg_replication_slots where slot_name = ${literal(slot)};
          begin
            perform pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots where slot_name = ${literal(slot)};
            exit;
          exception when object_in_use then
            perform pg_sleep(0.01);
          end;
        end loop;
      end $$`);
    dropped.push(slot);
  }
  return dropped;
}

/** A slot of a change feed. */
export interface FeedSlot {
  readonly slot: string;
  /** Whether a process reads it. */
  readonly isRead: boolean;
  /** The bytes of the log that the server retains for it. */
  readonly retainedBytes: number;
  /** As in pg_replication_slots; `lost`: changes have been removed, and the feed will invalidate everything. */
  readonly walStatus: string | null;
}

/** Whether a database is set up for change feeds. */
export interface FeedSetup {
  readonly walLevel: string;
  /** The most that the server retains for a slot; `-1`: no limit. */
  readonly maxRetained: string;
  /** Undefined if there is no publication. */
  readonly published: readonly string[] | undefined;
  /** Tables whose changes are not published. */
  readonly unpublished: readonly string[];
  readonly slots: readonly FeedSlot[];
}

/** Reads whether a database is set up for change feeds. */
export async function feedSetup(client: SqlClient, publication = 'cachepot'): Promise<FeedSetup> {
  const { rows } = await client.query(`
    select current_setting('wal_level') as "walLevel", current_setting('max_slot_wal_keep_size') as "maxRetained",
      exists (select from pg_catalog.pg_publication where pubname = ${literal(publication)}) as "hasPublication",
      array(select coalesce(pg_partition_root(p.relid), p.relid)::regclass::text from pg_catalog.pg_publication_tables t
        cross join lateral (select format('%I.%I', t.schemaname, t.tablename)::regclass as relid) p
        where t.pubname = ${literal(publication)} group by 1 order by 1) as published`);
  const [row] = rows as readonly (Pick<FeedSetup, 'walLevel' | 'maxRetained'> & {
    readonly hasPublication: boolean;
    readonly published: readonly string[];
  })[];
  if (row === undefined) throw new Error('the statement gave no row');
  const { walLevel, maxRetained, hasPublication, published } = row;
  const names = (await tablesOf(client)).map(({ name }) => name);
  return {
    ...{ walLevel, maxRetained, published: hasPublication ? published : undefined },
    unpublished: names.filter((name) => !published.includes(name)),
    slots: await slotsOf(client),
  };
}

async function slotsOf(client: SqlClient): Promise<readonly FeedSlot[]> {
  const { rows } = await client.query(`
    select slot_name::text as slot, active as "isRead", wal_status as "walStatus",
      coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 as "retainedBytes"
    from pg_catalog.pg_replication_slots
    where database = current_database() and plugin = 'pgoutput' and slot_name like 'cachepot\\_%' order by 1`);
  return rows as readonly FeedSlot[];
}

function checkPublication(name: string): void {
  if (!isPublicationName(name))
    throw new FeedError(
      'PUBLICATION_REFUSED',
      `the publication must have ${publicationRule}, got ${JSON.stringify(name)}`,
    );
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
