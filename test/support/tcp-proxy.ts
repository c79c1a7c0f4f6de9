import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP port before a Unix socket, which can swallow what comes, in both directions, as a network without a route does. */
export interface TcpProxy {
  readonly address: string;
  /** A connection that has lost something stays dead when it ends: TCP loses nothing on one that lives. */
  isBlackHole: boolean;
  stop(): Promise<void>;
}

export async function startTcpProxy(socketPath: string): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(socketPath);
    let isLost = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        isLost ||= proxy.isBlackHole;
        if (!isLost && !to.destroyed) to.write(bytes);
      });
      from.on('error', () => {}); // `close` follows
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: TcpProxy = {
    address: `redis://127.0.0.1:${port}`,
    isBlackHole: false,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return proxy;
}
