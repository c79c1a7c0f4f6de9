/** The programs that the tests need besides npm packages: a Redis server, PgBouncer, OpenSSL, Prometheus and a browser. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRedisServer } from '../../src/embedded/index.ts';

const installer = fileURLToPath(new URL('install-tools.sh', import.meta.url));

/**
 * Installs missing programs if it can (as root, with apt-get); otherwise prints what to install, and exits with code 1.
 */
export async function ensureTools(): Promise<void> {
  const missing = await missingTools();
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && isOnPath('apt-get')) {
    process.stderr.write(
      `Not on the PATH: ${missing.join(', ')}. Installing by apt-get; this takes a minute or two.\n`,
    );
    const { status, stdout, stderr } = spawnSync('sh', [installer], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) return giveUp(`apt-get failed:\n${`${stdout}${stderr}`.slice(-2_000)}`);
    const stillMissing = await missingTools();
    if (stillMissing.length === 0) return;
    return giveUp(`apt-get is done, and still not on the PATH: ${stillMissing.join(', ')}.`);
  }
  return giveUp(
    `The tests need ${missing.join(' and ')} on the PATH. Install, for example:\n` +
      '  Debian, Ubuntu  sudo apt-get install redis-server pgbouncer openssl prometheus chromium\n' +
      '  Fedora          sudo dnf install valkey pgbouncer openssl golang-github-prometheus chromium\n' +
      '  macOS           brew install redis pgbouncer prometheus chromium',
  );
}

async function missingTools(): Promise<string[]> {
  const redis = await findRedisServer(process.env['PATH'] ?? '');
  const others = ['pgbouncer', 'openssl', 'prometheus', 'promtool', 'chromium'].filter((name) => !isOnPath(name));
  return redis === null ? ['redis-server', ...others] : others;
}

/** Searches /usr/sbin, too: Debian has pgbouncer there, and not every shell has it on its PATH. */
function isOnPath(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].filter((folder) => folder !== '');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function giveUp(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
