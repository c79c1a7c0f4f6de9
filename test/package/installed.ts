/** Empty projects that install the package, as users do. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);
export const repository = join(import.meta.dirname, '..', '..');

/** A folder outside of the repository, removed after the tests of a file. */
export interface Project {
  readonly folder: string;
  write(name: string, text: string): Promise<void>;
  /** Runs the compiler that the project has installed; rejects, with its messages, if it complains. */
  compile(files: readonly string[], options: Readonly<Record<string, string>>): Promise<unknown>;
  remove(): Promise<void>;
}

/** Creates a project, and installs the package at `path` and `dependencies` in it. */
export async function newProject(
  path: string,
  { type, dependencies = {} }: { type: 'module' | 'commonjs'; dependencies?: Readonly<Record<string, string>> },
): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'cachepot-project-'));
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  const { devDependencies, overrides } = await readManifest();
  const tools = Object.fromEntries(['typescript', '@types/node'].map((name) => [name, devDependencies[name]]));
  const manifest = {
    private: true,
    type,
    overrides,
    dependencies: { cachepot: `file:${path}`, ...tools, ...dependencies },
  };
  await write('package.json', JSON.stringify(manifest));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: folder });
  return {
    folder,
    write,
    compile: (files, options) => {
      // The declarations of TypeScript's own libraries are not the package's concern, and take a fifth of the time.
      const all = { target: 'es2023', types: 'node', skipDefaultLibCheck: 'true', ...options };
      const given = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
      return run(join(folder, 'node_modules', '.bin', 'tsc'), ['--strict', ...given, ...files], { cwd: folder }).catch(
        (error: unknown) => {
          throw new Error(String((error as { stdout?: unknown }).stdout));
        },
      );
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The version that is installed in the repository. */
export async function installedVersion(name: string): Promise<string> {
  const text = await readFile(join(repository, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

interface Manifest {
  version: string;
  devDependencies: Record<string, string>;
  dependencies: Record<string, string>;
  overrides: Record<string, string>;
}

export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as Manifest;
}
