import { chmod, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** A temporary folder that replaces the system's: it shows what a server leaves behind. */
export interface Room {
  readonly path: string;
  /** Files, sockets and folders in it. */
  leftFiles(): Promise<string[]>;
  /** Ids of the processes whose working directory is in it, such as every process of PostgreSQL and Redis. */
  processes(): Promise<number[]>;
}

export async function newRoom(): Promise<Room> {
  const path = await mkdtemp(join(tmpdir(), 'room-'));
  await chmod(path, 0o755);
  vi.stubEnv('TMPDIR', path);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(path, { recursive: true, force: true });
  });
  return { path, leftFiles: () => readdir(path), processes: () => processesIn(path) };
}

/** The process group, to which a terminal sends its signals. */
export async function processGroup(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // pid (name, which may contain spaces) state ppid pgrp …
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

async function processesIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return workingFolder.startsWith(folder) ? [pid] : [];
    }),
  );
  return found.flat();
}
