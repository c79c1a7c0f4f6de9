// Connections that stay open between requests. A balancer in front reuses them for a minute or longer.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

const get = 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n';

interface Connection {
  readonly server: RunningServer;
  /** Both ends of one connection. */
  readonly client: Socket;
  readonly accepted: Socket;
}

async function openConnection(overrides: Overrides = {}): Promise<Connection> {
  const server = await startServer(overrides);
  const { hostname, port } = new URL(server.url);
  const connected = once(server.http.server, 'connection');
  const client = connect(Number(port), hostname);
  onTestFinished(() => void client.destroy());
  const [accepted] = (await connected) as [Socket];
  return { server, client, accepted };
}

async function ask({ client }: Connection, request = get): Promise<string> {
  client.write(request);
  const [bytes] = (await once(client, 'data')) as [Buffer];
  return String(bytes);
}

it('keeps an idle connection for longer than load balancers do, and tells clients for how long', async () => {
  const connection = await openConnection();
  const { server, accepted } = connection;
  expect(await ask(connection)).toMatch(/\r\nKeep-Alive: timeout=620\r\n/i);
  expect(server.http.server.keepAliveTimeout).toBe(620_000);
  // What the socket waits for now that nothing is under way; newer versions of Node add a second.
  await expect.poll(() => accepted.timeout).toBeGreaterThanOrEqual(620_000);
});

it('gives a request on a kept connection no more time to arrive than one on a new connection', async () => {
  const connection = await openConnection();
  await ask(connection);
  const { server } = connection.server.http;
  expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 10_000]);
  server.headersTimeout = server.requestTimeout = 1;
  expect(await ask(connection, 'GET /livez HT')).toMatch(/^HTTP\/1\.1 408/);
});

it('closes an idle connection when the configured time is over', async () => {
  const connection = await openConnection({ keepAliveMs: 100 });
  await ask(connection);
  await expect.poll(() => connection.client.closed, { timeout: 10_000 }).toBe(true);
});

it('closes idle connections when the server closes, however long they may idle', async () => {
  const connection = await openConnection();
  await ask(connection);
  await connection.server.http.close({ drainMs: 0 });
  await expect.poll(() => connection.client.closed).toBe(true);
});

it('answers on an idle connection while the server drains, and says that the connection closes', async () => {
  const connection = await openConnection();
  await ask(connection);
  const closed = connection.server.http.close({ drainMs: 1_000 });
  expect(await ask(connection)).toMatch(/^HTTP\/1\.1 200[^]*\r\nconnection: close\r\n/i);
  await closed;
});
