import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/database/migrate.ts';
import { createEmptyDatabase } from '../support/databases.ts';
import { startServer } from './start-server.ts';

const unavailable = {
  message: 'The database cannot be reached.',
  path: ['categoryStats'],
  extensions: { code: 'DATABASE_UNAVAILABLE' },
};

it('returns DATABASE_UNAVAILABLE if the connection is refused, and reveals neither host nor password', async () => {
  const server = await startServer({
    databaseUrl: 'postgres://shopkeeper:swordfish@127.0.0.1:1/shop',
    logLevel: 'debug',
  });
  const { errors, text } = await server.ask('{ categoryStats { id } }');
  expect(errors).toMatchObject([unavailable]);
  expect(text).not.toMatch(/127\.0\.0\.1|shopkeeper|swordfish|ECONNREFUSED/);
  expect(server.logLines.join('')).not.toContain('swordfish');
  expect(JSON.parse((await server.get('/readyz')).text)).toEqual({
    status: 'waiting for the database',
    database: 'down',
  });
  expect((await server.get('/readyz')).status).toBe(503);
  expect((await server.get('/livez')).status).toBe(200);
});

it('returns DATABASE_UNAVAILABLE if the host accepts connections and never responds', async () => {
  const server = await startServer({ databaseUrl: await startBlackHole(), isDatabaseImpatient: true });
  const responses = await Promise.all(
    Array.from({ length: 30 }, (_, limit) => server.ask(`{ searchProducts(limit: ${limit + 1}) { id } }`)),
  );
  for (const { errors } of responses) expect(errors[0]?.extensions?.code).toBe('DATABASE_UNAVAILABLE');
});

it('serves cached values after the database is gone, and stays ready', async () => {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  await migrate({ url: database.url });
  const server = await startServer({ databaseUrl: database.url });
  expect((await server.get('/readyz')).text).toBe('{"status":"ready","database":"up"}\n');
  await server.row('{ categoryStats { id } }');

  await database.drop();
  expect(await server.row('{ categoryStats { id } }')).toMatchObject({ state: 'hit' });
  const { data, errors, report } = await server.ask('{ categoryStats { id } searchProducts { id } }');
  expect(data).toBeNull();
  expect(errors).toMatchObject([{ ...unavailable, path: ['searchProducts'] }]);
  expect(report?.fields).toMatchObject([{ path: ['categoryStats'], state: 'hit' }]);
  const ready = await server.get('/readyz');
  expect([ready.status, ready.text]).toEqual([200, '{"status":"ready","database":"down"}\n']);
});

it('returns only INTERNAL_SERVER_ERROR if a statement fails, and logs the reason', async () => {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  const server = await startServer({ databaseUrl: database.url });
  const { errors, text } = await server.ask('{ topProducts { id } }');
  expect(errors).toMatchObject([
    { message: 'An unexpected error occurred.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
  ]);
  expect(text).not.toMatch(/relation|exist|select|\.ts|\.js|originalError|stack/);
  expect(server.logLines.join('')).toContain('does not exist');
  server.statements();
  expect((await server.ask('{ topProducts { id } }')).errors).toHaveLength(1);
  expect(server.statements().length).toBeGreaterThan(0); // the error was not stored
});

/** Starts a server that accepts connections and never responds; returns its URL as that of a database. */
async function startBlackHole(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/shop`;
}
