// A TCP port before Redis' Unix socket that loses what comes, as a network does that has no route any more.
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TcpProxy {
  readonly port: number;
  /** `redis://…` */
  readonly address: string;
  /** Whether all that comes is lost. A connection that has lost something stays dead: TCP loses nothing on one that lives. */
  isBlackHole: boolean;
  /** Where new connections lead, as a name does after a failover; those that there are stay. */
  leadsTo: string;
  /** Those which have asked to be told of changes hear nothing any more, and are not ended. New ones are as they should be. */
  silenceTrackers(): void;
}

interface Pair {
  readonly sockets: readonly [near: Socket, far: Socket];
  isTracker: boolean;
  isDead: boolean;
}

/** In front of the server at this socket; ends with the test. */
export async function newTcpProxy(socketPath: string): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect(proxy.leadsTo);
    const pair: Pair = { sockets: [near, far], isTracker: false, isDead: false };
    pairs.add(pair);
    near.on('data', (bytes) => (pair.isTracker ||= bytes.includes('TRACKING')));
    // What is lost is read all the same: the network takes it, and holds nobody up.
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
