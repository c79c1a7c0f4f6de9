/**
 * The peers belong to a separate package, which is installed on first use, and again after its lock file has changed.
 */
import { execFileSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = new URL('.', import.meta.url);

export async function installPeers() {
  const [lock, installed] = await Promise.all(['package-lock.json', 'node_modules/.package-lock.json'].map(changedMs));
  if (installed >= lock) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: fileURLToPath(folder),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The exact versions, by name. */
export async function peerVersions() {
  return JSON.parse(await readFile(new URL('package.json', folder), 'utf8')).dependencies;
}

async function changedMs(name) {
  const found = await stat(new URL(name, folder)).catch(() => undefined);
  return found?.mtimeMs ?? 0;
}
