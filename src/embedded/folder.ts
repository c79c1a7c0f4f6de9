/** A temporary folder that does not outlive this process, however the process ends (SIGKILL excepted). */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account.ts';
import { EmbeddedError } from './errors.ts';

/** A temporary folder with its contents. */
export interface Folder {
  readonly path: string;
  /** Removes it with its contents. May be called repeatedly. */
  remove(): Promise<void>;
}

/** The path of a socket has at most 103 bytes on macOS and 107 on Linux; the names below the folder need about 45. */
const parentBytesMax = 58;

/** A server that was just killed may still write for a moment: a folder that is not empty is tried again. */
const removalsMax = 40;
const removeAgainAfterMs = 25;

/**
 * Creates a folder in the system's temporary one, which only `owner` (default: this process's account) can enter. It is removed when
 * this process exits, at the latest.
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

/** In one step with the hook that removes it: an exit in between would leave it behind. */
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

/** One attempt. Node's own `maxRetries` does not look for files that were added while it worked. */
function isRemoved(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Not empty, for example.
  }
  return !existsSync(path);
}
