import { Client } from 'pg';
import { addressIn } from './address.ts';

/**
 * Runs `work` on one connection of its own, outside any pool, and closes it. Whatever transaction is open when `work`
 * fails is rolled back with the connection. No time limit on statements: a large
 * shop's indexes and ANALYZE take their time.
 */
export async function inSession<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    ...addressIn(url),
    application_name: 'cachepot',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // Without a listener a connection that breaks between two statements ends the process; the next statement tells.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('set statement_timeout = 0');
    return await work(client);
  } finally {
    await client.end();
  }
}
