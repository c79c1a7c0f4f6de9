/** A temporary folder that does not outlive this process, however the process ends (SIGKILL excepted). */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
const removalsMax = 40;
const removeAgainAfterMs = 25;

/**
 * Makes a new folder in the system's temporary one, that only `owner` (default: this process's account) can enter.
 * It is removed when this process exits, at the latest.
 */
export async function makeFolder(prefix: string, owner: Account | null = null): Promise<Folder> {
  const parent = Buffer.byteLength(tmpdir()) <= parentBytesMax ? tmpdir() : '/tmp';
  const path = newFolder(join(parent, prefix));
  const atExit = (): void => removeNow(path);
  process.once('exit', atExit);
  if (owner) await chown(path, owner.uid, owner.gid);
  return {
    path,
    async remove() {
      for (let i = 1; i < removalsMax && !isRemoved(path); i += 1) await sleep(removeAgainAfterMs);
      rmSync(path, { recursive: true, force: true });
      process.off('exit', atExit);
    },
  };
}

/** In one step with the hook that removes it: an exit between the two would leave it. */
function newFolder(prefix: string): string {
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedError('START_FAILED', `A temporary folder could not be made in ${dirname(prefix)}: ${why}`, {
      cause,
    });
  }
}

function removeNow(path: string): void {
  const naps = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 1; i < removalsMax && !isRemoved(path); i += 1) Atomics.wait(naps, 0, 0, removeAgainAfterMs);
  rmSync(path, { recursive: true, force: true });
}

/** One try. Node's own `maxRetries` does not look again for files that came while it was at work. */
function isRemoved(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Not empty, for one.
  }
  return !existsSync(path);
}
