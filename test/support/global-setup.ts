/**
 * Runs once: provides the tools, the built program, one PostgreSQL with the shop's data and one Redis for all test
 * files.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../src/embedded/index.ts';
import { build } from './build.ts';
import { startTestRedis } from './redis.ts';
import { ensureTools } from './tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shop's database with the seed data. It must only be read; for writes, use `createEmptyDatabase`. */
    databaseUrl: string;
    /** One Redis for all test files: use a separate namespace, and no FLUSHALL. */
    redisSocketPath: string;
    /** Empty at first. For `packPackage`. */
    packageFolder: string;
  }
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await ensureTools();
  // Vitest itself handles SIGINT and SIGTERM. SIGHUP means that the terminal was closed.
  process.once('SIGHUP', () => process.exit(129));
  const [sqlFiles] = await Promise.all([shopSqlFiles(), build(repository)]);
  const postgres = await startPostgres({ sqlFiles, extraArgs: feedArgs });
  const redis = await startTestRedis();
  project.provide('databaseUrl', postgres.url);
  project.provide('redisSocketPath', redis.socketPath);
  const packageFolder = await mkdtemp(join(tmpdir(), 'cachepot-pack-'));
  project.provide('packageFolder', packageFolder);
  return async () => {
    await Promise.all([postgres.stop(), redis.stop(), rm(packageFolder, { recursive: true })]);
  };
}

/** Each test of a change feed has a slot, and two connections for each process. */
const feedArgs = ['-c', 'max_replication_slots=50', '-c', 'max_wal_senders=50', '-c', 'max_connections=300'];

async function shopSqlFiles(): Promise<string[]> {
  const folder = join(repository, 'sql');
  // Without the publication: the programs of all tests would share the slot, though each has a Redis of its own.
  const names = (await readdir(folder)).filter((name) => /^[12]-.*\.sql$/.test(name));
  return names.toSorted().map((name) => join(folder, name));
}
