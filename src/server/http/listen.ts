import { createServer, type AddressInfo, type Server } from 'node:net';

/** The port or address cannot be used. The message is one line for a person. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'LISTEN_FAILED';
}

interface ListenAddress {
  readonly host: string;
  /** 0…65535; 0 is any free port. */
  readonly port: number;
}

/**
 * Resolves if a server could listen there now. It opens and closes the port, so another program may take it afterwards.
 *
 * @throws {ListenError}
 */
export async function checkPortIsFree(address: ListenAddress): Promise<void> {
  const server = createServer();
  await bind(server, address);
  await new Promise((resolve) => server.close(resolve));
}

/**
 * Listens, and returns the URL under which a person reaches the server.
 *
 * @throws {ListenError}
 */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<string> {
  await bind(server, { host, port });
  const { port: portTaken } = server.address() as AddressInfo;
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const shown = isEverywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${portTaken}`;
}

function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(`${reasonOf(error)}: PORT=${port} HOST=${host} (another one: PORT=8001 npm start)`));
    });
    server.listen(port, host, resolve);
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'The port is taken by another program';
  if (error.code === 'EACCES') return 'The port may not be opened by this user';
  return `Cannot listen (${error.code ?? error.message})`;
}
