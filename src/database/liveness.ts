import { Client } from 'pg';

/**
 * Asks a server whether it is there, while a statement waits for it: resolves to false where a new connection gets no
 * answer within `waitMsMax`. One question at a time, whatever the number of statements that wait.
 *
 * A server that answers no (a wrong password, too many connections) is there.
 */
export function livenessProbe(connectionString: string, waitMsMax: number): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  return () => (asked ??= isThere(connectionString, waitMsMax).finally(() => (asked = undefined)));
}

async function isThere(connectionString: string, waitMsMax: number): Promise<boolean> {
  const client = new Client({
    connectionString,
    application_name: 'cachepot (is it there?)',
    connectionTimeoutMillis: waitMsMax,
  });
  client.on('error', () => {}); // the statement that waits is told, not this connection
  try {
    await client.connect();
  } catch (error) {
    return error instanceof Error && 'severity' in error;
  }
  client.end().catch(() => {}); // nobody waits for its farewell
  return true;
}
