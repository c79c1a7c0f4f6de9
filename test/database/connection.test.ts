import { once } from 'node:events';
import { connect as connectTo, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createShop, isDatabaseUnavailable } from '../../src/database/index.ts';
import type { Tables } from '../../src/database/tables.ts';
import { makeFolder } from '../../src/embedded/index.ts';
import { connect, connectAsInProduction, noWriting } from './shop-database.ts';

describe('isDatabaseUnavailable', () => {
  it('returns true if nothing listens, the Unix socket is missing, or the host is unknown', async () => {
    const server = await listen(() => undefined);
    const url = urlOf(server);
    await new Promise((resolve) => server.close(resolve));
    expect(isDatabaseUnavailable(await failureAt(url))).toBe(true);
    expect(isDatabaseUnavailable(await failureAt('postgresql://shop@localhost/shop?host=/nowhere'))).toBe(true);
    expect(isDatabaseUnavailable(await failureAt('postgresql://shop@does-not-exist.invalid/shop'))).toBe(true);
  });

  it('returns true if a server accepts the connection and sends nothing, or closes it', async () => {
    const silent = await listen(() => undefined);
    const closing = await listen((socket) => socket.destroy());
    expect(isDatabaseUnavailable(await failureAt(urlOf(silent)))).toBe(true);
    expect(isDatabaseUnavailable(await failureAt(urlOf(closing)))).toBe(true);
  });

  it('returns true if the database or the role does not exist', async () => {
    const noDatabase = new URL(inject('databaseUrl'));
    noDatabase.pathname = '/no_such_shop';
    const noRole = new URL(inject('databaseUrl'));
    noRole.username = 'nobody_of_this_name';
    expect(isDatabaseUnavailable(await failureAt(noDatabase.href))).toBe(true);
    expect(isDatabaseUnavailable(await failureAt(noRole.href))).toBe(true);
  });

  it('returns false for an invalid or cancelled statement, and for other errors', async () => {
    const { db } = connect({ statementMsMax: 20 });
    expect(isDatabaseUnavailable(await failure(sql`select * from no_such_table`.execute(db)))).toBe(false);
    expect(isDatabaseUnavailable(await failure(sql`select 1 / 0`.execute(db)))).toBe(false);
    const cancelled = await failure(sql`select pg_sleep(10)`.execute(db));
    expect(cancelled).toMatchObject({ code: '57014' });
    expect(isDatabaseUnavailable(cancelled)).toBe(false);
    for (const other of [new Error('x'), null, undefined, 'ECONNREFUSED', { code: 'ECONNREFUSED' }]) {
      expect(isDatabaseUnavailable(other)).toBe(false);
    }
  });

  it('returns true for a statement that finds all connections busy, and the pool recovers', async () => {
    const { db } = connectAsInProduction({ poolMax: 1 });
    await db.connection().execute(async () => {
      expect(isDatabaseUnavailable(await failure(ping(db)))).toBe(true);
    });
    await ping(db);
  });
});

describe('a connection that breaks', () => {
  it('fails the running statement as unavailable, and is replaced for the next one', async () => {
    const { db } = connect({ poolMax: 1 });
    const error = await db.connection().execute(async (connection) => {
      const pid = await backendPid(connection);
      const asleep = failure(sql`select pg_sleep(60)`.execute(connection));
      await terminate(pid);
      return asleep;
    });
    expect(isDatabaseUnavailable(error)).toBe(true);
    await ping(db);
  });

  it('fails the next statement of its transaction as unavailable, without ending the process', async () => {
    const { db } = connect({ poolMax: 1 });
    const transaction = db.transaction().execute(async (trx) => {
      await terminate(await backendPid(trx));
      await ping(trx);
    });
    expect(isDatabaseUnavailable(await failure(transaction))).toBe(true);
    await ping(db);
  });

  it('is reported to onError if it was idle, and is replaced', async () => {
    const { promise, resolve } = withResolver<Error>();
    const { db } = connect({ poolMax: 1, onError: resolve });
    const pid = await backendPid(db);
    await terminate(pid);
    expect(isDatabaseUnavailable(await promise)).toBe(true);
    expect(await backendPid(db)).not.toBe(pid);
  });

  it('is discarded if the server accepts a statement and never replies', async () => {
    const { db } = connect({ poolMax: 1, statementMsMax: 1_000 });
    const pid = await backendPid(db);
    process.kill(pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(pid, 'SIGCONT'));
    expect(isDatabaseUnavailable(await failure(ping(db)))).toBe(true);
    expect(await backendPid(db)).not.toBe(pid);
  });
});

describe('a server that has stopped replying', () => {
  it('is detected long before a statement times out, on new connections and on used ones', async () => {
    const route = await routeToDatabase();
    const { db } = connectAsInProduction({ url: route.url, poolMax: 2, statementMsMax: 600_000 });
    await ping(db);
    route.freeze();
    const failures = await Promise.all([failure(ping(db)), failure(ping(db)), failure(ping(db))]);
    expect(failures.map(isDatabaseUnavailable)).toEqual([true, true, true]);
    route.thaw();
    await expect
      .poll(() =>
        ping(db).then(
          () => 'available',
          () => 'unavailable',
        ),
      )
      .toBe('available');
  });

  it('is not confused with one whose statement takes long', async () => {
    const route = await routeToDatabase();
    const { db } = connect({ url: route.url, statementMsMax: 600_000 });
    expect(await afterTwoChecks(db, route)).toBe('answered');
  });

  it('is not confused with one whose login takes long', async () => {
    const route = await routeToDatabase();
    const { db } = connect({ url: route.url, poolMax: 1, statementMsMax: 600_000 });
    await ping(db);
    route.stallLogins();
    expect(await afterTwoChecks(db, route)).toBe('answered');
  });

  it('is not confused with one that rejects further connections', async () => {
    const route = await routeToDatabase();
    const { db } = connect({ url: route.url, poolMax: 1, statementMsMax: 600_000 });
    await ping(db);
    route.refuse();
    expect(await afterTwoChecks(db, route)).toBe('answered');
  });

  it('is checked over connections that are closed afterwards', async () => {
    const route = await routeToDatabase();
    const { db } = connect({ url: route.url, poolMax: 1, statementMsMax: 600_000 });
    expect(await afterTwoChecks(db, route)).toBe('answered');
    await expect.poll(() => route.openConnections()).toBe(1);
  });
});

/** The outcome of a statement that takes so long that the server is checked twice. */
async function afterTwoChecks(db: Kysely<Tables>, route: { connections: () => number }): Promise<unknown> {
  const release = await holdLock();
  const answered = sql`select pg_advisory_lock_shared(${lockKey})`.execute(db).then(
    () => 'answered',
    (error: unknown) => error,
  );
  // The statement's own connection, and one for each check; there is a second one if the first did not end the
  // statement.
  await expect.poll(() => route.connections()).toBeGreaterThanOrEqual(3);
  await release();
  return await answered;
}

const lockKey = 4711;

/** Holds the lock that `afterTwoChecks` waits for, until the returned function is called. */
async function holdLock(): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  await client.query('select pg_advisory_lock($1)', [lockKey]);
  return () => client.end();
}

/** PostgreSQL's ErrorResponse with SQLSTATE 53300. */
const fields = 'SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0';
const tooManyConnections = Buffer.concat([Buffer.from([0x45, 0, 0, 0, fields.length + 4]), Buffer.from(fields)]);

/** A TCP address of the tests' database, whose traffic can be held. */
async function routeToDatabase() {
  const database = new URL(inject('databaseUrl'));
  const socketPath = `${decodeURIComponent(database.hostname)}/.s.PGSQL.${database.port}`;
  const pairs: Socket[] = [];
  let isFrozen = false;
  let isFull = false;
  let stallsLogins = false;
  const server = await listen((client) => {
    if (stallsLogins) {
      pairs.push(client, client);
      client.once('data', () => client.write('R')); // the first byte of a login that does not continue
      return;
    }
    if (isFull) {
      pairs.push(client, client);
      client.on('error', () => {}).once('data', () => client.end(tooManyConnections));
      return;
    }
    const upstream = connectTo(socketPath);
    client
      .on('error', () => {})
      .on('close', () => upstream.destroy())
      .pipe(upstream);
    upstream
      .on('error', () => {})
      .on('close', () => client.destroy())
      .pipe(client);
    pairs.push(client, upstream);
    if (isFrozen) hold(client, upstream);
  });
  const hold = (...sockets: Socket[]): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  const url = new URL(urlOf(server));
  url.username = database.username;
  url.pathname = database.pathname;
  return {
    url: url.href,
    freeze() {
      isFrozen = true;
      hold(...pairs);
    },
    /** For new connections; those that are held stay so. */
    thaw() {
      isFrozen = false;
    },
    /** New connections receive one byte, and no more. */
    stallLogins() {
      stallsLogins = true;
    },
    refuse() {
      isFull = true;
    },
    connections: () => pairs.length / 2,
    openConnections: () => pairs.filter((socket) => !socket.destroyed).length / 2,
  };
}

describe('connectDatabase', () => {
  it('accepts Unix sockets in all three forms of URL', async () => {
    const { db } = connect();
    const settings = await sql<{ folder: string; port: string; role: string; database: string }>`
      select current_setting('unix_socket_directories') as folder, current_setting('port') as port,
             current_user as role, current_database() as database`.execute(db);
    const { folder = '', port = '', role = '', database = '' } = settings.rows[0] ?? {};
    expect(folder).toMatch(/^\//);
    for (const url of [
      `postgresql://${role}@localhost/${database}?host=${folder}&port=${port}`,
      `postgresql://${role}@/${database}?host=${folder}&port=${port}`,
      `postgresql://${role}@${encodeURIComponent(folder)}:${port}/${database}`,
      `socket://${role}@${folder}?db=${database}&port=${port}`,
    ]) {
      await ping(connect({ url }).db);
    }
  });

  it('may be closed before its first statement, and twice', async () => {
    const database = connect({ url: 'postgresql://shop@localhost/shop?host=/nowhere' });
    await database.close();
    await database.close();
    expect(isDatabaseUnavailable(await failure(ping(database.db)))).toBe(true);
  });

  it('names a certificate file that cannot be read, and does not fail if one is removed later', async () => {
    const folder = await makeFolder('cachepot-test-certificates-');
    const file = join(folder.path, 'ca.pem');
    const url = `${inject('databaseUrl')}?sslmode=disable&sslrootcert=${file}`;
    expect(() => connect({ url })).toThrow(/DATABASE_URL names a file that cannot be read: ENOENT.*ca\.pem/);
    await writeFile(file, 'x');
    const { db } = connect({ url });
    await folder.remove();
    await sql`select pg_sleep(0.5)`.execute(db);
  });

  it('sets its application name', async () => {
    const { db } = connect();
    const { rows } = await sql<{ name: string }>`select current_setting('application_name') as name`.execute(db);
    expect(rows).toEqual([{ name: 'cachepot' }]);
  });
});

function ping(db: Kysely<Tables>): Promise<void> {
  return createShop({ db, writing: noWriting, simulateLatency: false }).ping();
}

function failureAt(url: string): Promise<unknown> {
  return failure(ping(connectAsInProduction({ url }).db));
}

/** What `promise` is rejected with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail');
}

async function backendPid(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0]?.pid ?? 0;
}

/** Terminates a backend, and waits until it is gone. */
async function terminate(pid: number): Promise<void> {
  await sql`select pg_terminate_backend(${pid}, 5000)`.execute(connect().db);
}

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

function urlOf(server: Server): string {
  const { port } = server.address() as AddressInfo;
  return `postgresql://shop@127.0.0.1:${port}/shop`;
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
