// Connections that stay open between requests. A load balancer reuses them for a minute or longer.
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

async function sendOn({ client }: Connection, request = get): Promise<string> {
  client.write(request);
  const [bytes] = (await once(client, 'data')) as [Buffer];
  return String(bytes);
}

it('keeps an idle connection open for longer than load balancers do, and sends the time in Keep-Alive', async () => {
  const connection = await openConnection();
  const { server, accepted } = connection;
  expect(await sendOn(connection)).toMatch(/\r\nKeep-Alive: timeout=620\r\n/i);
  expect(server.http.server.keepAliveTimeout).toBe(620_000);
  // The timeout of the socket while it is idle; newer versions of Node add a second.
  await expect.poll(() => accepted.timeout).toBeGreaterThanOrEqual(620_000);
});

it('limits the time that a request on a reused connection has to arrive, as on a new connection', async () => {
  const connection = await openConnection();
  await sendOn(connection);
  const { server } = connection.server.http;
  expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 10_000]);
  server.headersTimeout = server.requestTimeout = 1;
  expect(await sendOn(connection, 'GET /livez HT')).toMatch(/^HTTP\/1\.1 408/);
});

it('closes an idle connection after the configured time', async () => {
  const connection = await openConnection({ keepAliveMs: 100 });
  await sendOn(connection);
  await expect.poll(() => connection.client.closed, { timeout: 10_000 }).toBe(true);
});

it('closes idle connections when the server closes, without waiting for the keep-alive timeout', async () => {
  const connection = await openConnection();
  await sendOn(connection);
  await connection.server.http.close({ drainMs: 0 });
  await expect.poll(() => connection.client.closed).toBe(true);
});

it('answers a request on an idle connection with Connection: close while the server drains', async () => {
  const connection = await openConnection();
  await sendOn(connection);
  const closed = connection.server.http.close({ drainMs: 1_000 });
  expect(await sendOn(connection)).toMatch(/^HTTP\/1\.1 200[^]*\r\nconnection: close\r\n/i);
  await closed;
});
