/**
 * Builds `dist`, which some tests run, from the sources. It takes half a minute of a processor, so it is done once for several test runs:
 * `npm run prepare` and `build` leave a file whose time is the beginning of the build, and a later change of anything that the
 * build reads makes that older. Changes are dated by the file system (ctime), because a file that is restored keeps its old mtime.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const inputs = ['src', 'schema', 'tsconfig.json', 'package.json', 'node_modules/.package-lock.json'];

/** Builds `dist` in `repository`, unless it is up to date. Two processes may do so at once: each has a file of its own. */
export async function build(repository: string): Promise<void> {
  if (await isBuilt(repository)) return;
  const [started, built] = [`.started-${randomUUID()}`, '.built'].map((name) => join(repository, 'dist', name)) as [
    string,
    string,
  ];
  await mkdir(join(repository, 'dist'), { recursive: true });
  await rm(built, { force: true });
  await writeFile(started, '');
  try {
    const isTyped = await compile(repository);
    const vite = ['build', '--config', 'src/console/vite.config.ts'];
    await run(process.execPath, [join(repository, 'node_modules/vite/bin/vite.js'), ...vite], { cwd: repository });
    if (isTyped) await rename(started, built);
  } finally {
    await rm(started, { force: true });
  }
}

/** Whether nothing that the build reads has changed since the last one began: no file written, renamed or deleted. */
export async function isBuilt(repository: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(join(repository, 'dist', '.built'));
    const paths = (await Promise.all(inputs.map((input) => pathsBelow(join(repository, input))))).flat();
    const changes = await Promise.all(paths.map(async (path) => (await stat(path)).ctimeMs));
    return changes.every((changedMs) => changedMs < mtimeMs);
  } catch {
    return false;
  }
}

/** `path`, and everything below it. A folder changes when one of its files is renamed or deleted. */
async function pathsBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  return [path, ...(await readdir(path, { recursive: true })).map((name) => join(path, name))];
}

/** Returns whether the types are right. If not, tsc has written its output nevertheless, and `npm run check` fails. */
async function compile(repository: string): Promise<boolean> {
  try {
    await run(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc')], { cwd: repository });
    return true;
  } catch (error) {
    const text = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    process.stderr.write(`\nThe sources do not type-check; the tests run all the same.\n${text.slice(0, 2_000)}\n`);
    return false;
  }
}
