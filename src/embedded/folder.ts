/** A temporary folder that does not outlive this process, however the process ends (SIGKILL excepted). */
import { rmSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { EmbeddedError } from './errors.ts';

/** A temporary folder with everything in it. */
export interface Folder {
  readonly path: string;
  /** Removes it with all that is in it; any number of times. */
  remove(): Promise<void>;
}

/** A socket's path holds 103 bytes on macOS and 107 on Linux; what we put below the folder needs about 45. */
const parentBytesMax = 58;

/** A server that was just told to die may still write for a moment: a folder that is not empty is tried again. */
const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 25 };

/**
 * Makes a new folder in the system's temporary one, that only `owner` (default: this process's account) can enter.
 * It is removed when this process exits, at the latest.
 */
export async function makeFolder(prefix: string, owner: Account | null = null): Promise<Folder> {
  const parent = Buffer.byteLength(tmpdir()) <= parentBytesMax ? tmpdir() : '/tmp';
  const path = await mkdtemp(join(parent, prefix)).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedError('START_FAILED', `A temporary folder could not be made in ${parent}: ${why}`, { cause });
  });
  const removeNow = (): void => rmSync(path, removal);
  process.once('exit', removeNow);
  if (owner) await chown(path, owner.uid, owner.gid);
  return {
    path,
    async remove() {
      await rm(path, removal);
      process.off('exit', removeNow);
    },
  };
}
