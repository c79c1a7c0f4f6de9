import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { build, isBuilt } from './build.ts';

const sources = ['src/main.ts', 'src/cache/key.ts', 'schema/schema.ts', 'tsconfig.json', 'package.json'];
const installed = 'node_modules/.package-lock.json';

/** Paths in a repository that was built after its last change. */
async function builtRepository(): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), 'cachepot-build-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  for (const name of [...sources, installed]) await write(at(name));
  await untilLater(at('clock'));
  await write(at('dist/.built'));
  await untilLater(at('clock'));
  return at;
}

async function write(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'text');
}

/** The file system's clock advances in steps of some milliseconds. */
async function untilLater(clock: string): Promise<void> {
  const now = async (): Promise<number> => {
    await write(clock);
    return (await stat(clock)).ctimeMs;
  };
  const before = await now();
  while ((await now()) === before);
}

describe('dist is up to date', () => {
  it('if nothing has changed since the build began', async () => {
    const at = await builtRepository();
    await write(at('test/main.test.ts'));
    expect(await isBuilt(at('.'))).toBe(true);
  });
});

describe('dist is out of date', () => {
  it.each([...sources, 'src/new.ts', installed])('after %s is written', async (name) => {
    const at = await builtRepository();
    await write(at(name));
    expect(await isBuilt(at('.'))).toBe(false);
  });

  it('after a file is deleted', async () => {
    const at = await builtRepository();
    await unlink(at('src/cache/key.ts'));
    expect(await isBuilt(at('.'))).toBe(false);
  });

  it.each([
    ['renamed over it', rename],
    ['copied over it, with its old time', copyWithTime],
  ])('after an older copy of a file is %s', async (_how, restore) => {
    const at = await builtRepository();
    await write(at('main.ts.orig'));
    await utimes(at('main.ts.orig'), 1, 1);
    await restore(at('main.ts.orig'), at('src/main.ts'));
    expect((await stat(at('src/main.ts'))).mtimeMs).toBe(1_000);
    expect(await isBuilt(at('.'))).toBe(false);
  });

  it('before it is built, and without installed packages', async () => {
    const at = await builtRepository();
    await unlink(at(installed));
    expect(await isBuilt(at('.'))).toBe(false);
    await write(at(installed));
    await unlink(at('dist/.built'));
    expect(await isBuilt(at('.'))).toBe(false);
  });
});

it('two test runs may build at once', async () => {
  const at = await builtRepository();
  await unlink(at('dist/.built'));
  for (const tool of ['typescript/bin/tsc', 'vite/bin/vite.js']) {
    await write(at(`node_modules/${tool}`));
    await writeFile(at(`node_modules/${tool}`), '');
  }
  await Promise.all([build(at('.')), build(at('.'))]);
  expect(await readdir(at('dist'))).toEqual(['.built']);
  expect(await isBuilt(at('.'))).toBe(true);
});

async function copyWithTime(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const { atime, mtime } = await stat(from);
  await utimes(to, atime, mtime);
}
