import { execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/embedded/index.ts';
import { postgresAccount } from '../../src/embedded/account.ts';

const run = promisify(execFile);

/**
 * Starts a PgBouncer in transaction mode, otherwise with its defaults, in front of the tests' database; returns its
 * URL. It ends with the test.
 *
 * @param options.requiresTls Whether it accepts only TLS connections, which PgBouncer offers only over TCP. Otherwise
 *   it listens on a Unix socket.
 */
export async function startPgBouncer({ requiresTls = false } = {}): Promise<string> {
  const account = await postgresAccount(); // PgBouncer does not run as root
  const folder = await makeFolder('cachepot-test-pgbouncer-', account);
  onTestFinished(() => folder.remove());
  const { username, pathname } = new URL(inject('databaseUrl'));
  const listening = requiresTls ? await tlsLines(folder.path) : [`unix_socket_dir = ${folder.path}`];
  for (;;) {
    const port = randomInt(20_000, 60_000);
    const isUp = await start([...listening, `listen_port = ${port}`], { folder: folder.path, account });
    if (!isUp) continue; // the port is in use
    if (requiresTls) return `postgresql://${username}@127.0.0.1:${port}${pathname}?sslmode=no-verify`;
    return `postgresql://${username}@${encodeURIComponent(folder.path)}:${port}${pathname}`;
  }
}

/** Resolves with true if it listens, with false if the port is in use. */
async function start(
  listening: readonly string[],
  { folder, account }: { folder: string; account: Awaited<ReturnType<typeof postgresAccount>> },
): Promise<boolean> {
  const { hostname, port, username } = new URL(inject('databaseUrl'));
  const pidFile = join(folder, 'pid');
  const lines = [
    '[databases]',
    `* = host=${decodeURIComponent(hostname)} port=${port} user=${username}`,
    '[pgbouncer]',
    'auth_type = any',
    'pool_mode = transaction',
    `pidfile = ${pidFile}`,
    ...listening,
  ];
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, lines.join('\n'));
  const child = spawn('pgbouncer', ['-q', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    ...account,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  // It writes its pid as soon as its sockets are open.
  await expect.poll(() => child.exitCode !== null || existsSync(pidFile), { interval: 20 }).toBe(true);
  if (child.exitCode === null) return true;
  expect(stderr).toMatch(/in use|nowhere to listen/i);
  return false;
}

/** The settings for TLS, with a certificate that is created for this test. */
async function tlsLines(folder: string): Promise<string[]> {
  const key = join(folder, 'key.pem');
  const certificate = join(folder, 'certificate.pem');
  const subject = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
  await run('openssl', ['req', ...subject, '-keyout', key, '-out', certificate]);
  await chmod(key, 0o644); // PgBouncer runs as another user
  return [
    'listen_addr = 127.0.0.1',
    'unix_socket_dir =',
    'client_tls_sslmode = require',
    `client_tls_key_file = ${key}`,
    `client_tls_cert_file = ${certificate}`,
  ];
}
