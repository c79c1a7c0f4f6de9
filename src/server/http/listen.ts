import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The port or address cannot be had; the message is one line for a person. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'LISTEN_FAILED';
}

/**
 * Listens and gives the URL under which a person reaches the server.
 *
 * @throws {ListenError}
 */
export async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(`${reasonOf(error)}: PORT=${port} HOST=${host} (another one: PORT=8001 npm start)`));
    });
    server.listen(port, host, resolve);
  });
  const { port: portTaken } = server.address() as AddressInfo;
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const shown = isEverywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${portTaken}`;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'The port is taken by another program';
  if (error.code === 'EACCES') return 'The port may not be opened by this user';
  return `Cannot listen (${error.code ?? error.message})`;
}
