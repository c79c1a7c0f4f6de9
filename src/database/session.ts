import { Client } from 'pg';
import { addressIn } from './address.ts';

/**
 * Runs `work` on a connection of its own, outside of any pool, and closes it. If `work` fails, an open transaction is rolled back with
 * the connection. Statements have no time limit: the indexes and ANALYZE of a large shop take long.
 */
export async function inSession<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    ...addressIn(url),
    application_name: 'cachepot',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // Without a listener, a connection that breaks between two statements ends the process. The next statement rejects.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('set statement_timeout = 0');
    return await work(client);
  } finally {
    await client.end();
  }
}
