/** The feed's own connections to PostgreSQL. */
import { Client, type ClientConfig } from 'pg';

/** How long a server may take to close a connection, in milliseconds. */
const endMsMax = 1_000;

/** @param options Of a pool or a client of node-postgres. */
export function connectionOf(options: ClientConfig): ClientConfig {
  const name = { application_name: 'cachepot feed', connectionTimeoutMillis: 5_000 };
  const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };
  // A pool hides its password: it is not among the properties that are copied.
  const { password } = options;
  return { ...options, ...name, ...keepAlive, ...(password === undefined ? {} : { password }) };
}

/** Closes a connection; one whose server does not reply is cut off. Never rejects. */
export async function endClient(client: Client): Promise<void> {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } })
    .connection;
  const timer = setTimeout(() => stream.destroy(), endMsMax).unref();
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** Returns the only row of a statement, on a connection that is made for it: those of a pool may all be in use. */
export async function rowOf<Row extends object>(options: ClientConfig, sql: string): Promise<Row | undefined> {
  const client = new Client({ ...connectionOf(options), connectionTimeoutMillis: 1_000, query_timeout: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Row>(sql);
    return rows[0];
  } finally {
    await endClient(client);
  }
}
