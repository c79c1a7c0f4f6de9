/** The package as `npm run pack` builds it: once in a run, by the first test file that needs it. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { inject } from 'vitest';
import { repository, run } from './installed.ts';

/** Returns the path of the package. */
export async function packPackage(): Promise<string> {
  const folder = inject('packageFolder');
  const path = join(folder, 'cachepot.tgz');
  const packing = join(folder, 'packing');
  while (!existsSync(path)) {
    // If the one that packs fails, the next one tries.
    if (await isCreated(packing)) await pack(packing, path);
    else await pause(100);
  }
  return path;
}

/** Packs into `folder`, moves the result, so that nobody finds half of it, and removes the folder. */
async function pack(folder: string, path: string): Promise<void> {
  try {
    await run('npm', ['run', '--silent', 'pack', '--', '--destination', folder], { cwd: repository });
    const [name = ''] = await readdir(folder);
    await rename(join(folder, name), path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Whether this call has created the folder: of several processes only one does. */
async function isCreated(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
}
