/** PostgreSQL refuses to run as root. If this process is root, it runs as the system user `postgres`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedError } from './errors.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);
const accountName = 'postgres';

/** Returns the account for PostgreSQL, created if it is missing; null if this process is not root. */
export async function postgresAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const found = await lookUp();
  if (found) return found;
  const failure = await make().catch((cause: unknown) => cause);
  // Looked up even after a failure: another process may have created it at the same moment.
  const made = await lookUp();
  if (made) return made;
  throw new EmbeddedError(
    'START_FAILED',
    `PostgreSQL does not run as root, and the system user "${accountName}" could not be made (${String(failure).trim()}). ` +
      'Make it, start cachepot as another user, or set DATABASE_URL.',
    { cause: failure },
  );
}

async function make(): Promise<void> {
  // A root shell by `su` may have no sbin on its PATH.
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', accountName], {
    env,
  });
}

async function lookUp(): Promise<Account | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', accountName]), run('id', ['-g', accountName])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}
