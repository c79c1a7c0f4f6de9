import { Connection, type ConnectionConfig, type PoolClient } from 'pg';

/** What node-postgres' clients and connections have beyond their published types. */
interface CancellableClient {
  readonly processID: number;
  readonly secretKey: number;
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionConfig['ssl'];
  readonly sslNegotiation: string;
}
interface CancelConnection extends Omit<Connection, 'stream'> {
  readonly stream: { destroy(): void };
  connect(...address: [port: number, host: string] | [path: string]): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Asks PostgreSQL to cancel the statement that `client` is running, over a connection of its own, as the protocol requires:
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 *
 * The server may act on the request after the statement has ended, so the client must not be used for another one.
 * `Client.cancel` of node-postgres does not work over TLS.
 *
 * @param waitMsMax Milliseconds after which the connection is given up.
 * @returns A promise that resolves when the server has closed the connection, or it has failed. It never rejects.
 */
export function cancelStatement(client: PoolClient, waitMsMax: number): Promise<void> {
  const { processID, secretKey, host, port, ssl, sslNegotiation } = client as unknown as CancellableClient;
  const connection = new Connection({ ssl, sslNegotiation } as ConnectionConfig) as unknown as CancelConnection;
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => connection.stream.destroy(), waitMsMax);
    connection.on('error', () => {}); // 'end' follows
    connection.once('end', () => {
      clearTimeout(giveUp);
      resolve();
    });
    if (ssl && sslNegotiation !== 'direct') connection.once('connect', () => connection.requestSsl());
    connection.once(ssl ? 'sslconnect' : 'connect', () => connection.cancel(processID, secretKey));
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
  });
}
