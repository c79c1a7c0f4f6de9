// A TCP port in front of Redis' Unix socket that can lose all traffic, like a network that has lost its route.
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TcpProxy {
  readonly port: number;
  /** `redis://…` */
  readonly address: string;
  /**
   * Whether all traffic is lost. A connection that has lost data stays dead: TCP loses nothing on a live connection.
   */
  isBlackHole: boolean;
  /** The socket that new connections lead to, like a name after a failover. Existing connections stay. */
  leadsTo: string;
  /**
   * Existing connections with client tracking receive nothing any more, and are not closed. New ones are not affected.
   */
  silenceTrackers(): void;
}

interface Pair {
  readonly sockets: readonly [near: Socket, far: Socket];
  isTracker: boolean;
  isDead: boolean;
}

/** Starts a proxy in front of the server at this socket; it ends with the test. */
export async function newTcpProxy(socketPath: string): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect(proxy.leadsTo);
    const pair: Pair = { sockets: [near, far], isTracker: false, isDead: false };
    pairs.add(pair);
    near.on('data', (bytes) => (pair.isTracker ||= bytes.includes('TRACKING')));
    // Lost data is read nevertheless: the network accepts it, and does not block the sender.
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        pair.isDead ||= proxy.isBlackHole;
        if (!pair.isDead && !to.destroyed) to.write(bytes);
      });
      from.on('error', () => {}); // `close` follows
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
    };
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const proxy: TcpProxy = {
    port: address.port,
    address: `redis://127.0.0.1:${address.port}`,
    isBlackHole: false,
    leadsTo: socketPath,
    silenceTrackers() {
      for (const pair of pairs) pair.isDead ||= pair.isTracker;
    },
  };
  return proxy;
}
