import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/embedded/index.ts';
import { postgresAccount } from '../../src/embedded/account.ts';
import { freePort } from '../server/start-program.ts';

const run = promisify(execFile);

/**
 * The URL of a PgBouncer in transaction mode, with its defaults otherwise, in front of the tests' database. It ends with
 * the test.
 *
 * @param options.requiresTls Whether it accepts only TLS connections.
 */
export async function startPgBouncer({ requiresTls = false } = {}): Promise<string> {
  const account = await postgresAccount(); // PgBouncer does not run as root
  const folder = await makeFolder('cachepot-test-pgbouncer-', account);
  const database = new URL(inject('databaseUrl'));
  const port = await freePort();
  const file = join(folder.path, 'pgbouncer.ini');
  const socketFolder = decodeURIComponent(database.hostname);
  const lines = [
    '[databases]',
    `* = host=${socketFolder} port=${database.port} user=${database.username}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    ...(requiresTls ? await tlsLines(folder.path) : []),
  ];
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
    await folder.remove();
  });
  await expect
    .poll(() => (child.exitCode === null ? isListening(port) : stderr), { timeout: 20_000, interval: 20 })
    .toBe(true);
  const query = requiresTls ? '?sslmode=no-verify' : '';
  return `postgresql://${database.username}@127.0.0.1:${port}${database.pathname}${query}`;
}

/** With a certificate made for this test. */
async function tlsLines(folder: string): Promise<string[]> {
  const key = join(folder, 'key.pem');
  const certificate = join(folder, 'certificate.pem');
  const subject = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
  await run('openssl', ['req', ...subject, '-keyout', key, '-out', certificate]);
  await chmod(key, 0o644); // PgBouncer runs as another user
  return ['client_tls_sslmode = require', `client_tls_key_file = ${key}`, `client_tls_cert_file = ${certificate}`];
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
