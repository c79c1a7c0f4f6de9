// A proxy before Redis that makes connections half open: they stay up, and nothing comes any more.
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface HalfOpenProxy {
  readonly port: number;
  /** Those which have asked to be told of changes hear nothing any more, and are not ended. New ones are as they should be. */
  silenceTrackers(): void;
}

interface Pair {
  readonly front: Socket;
  readonly back: Socket;
  isTracker: boolean;
}

/** In front of the server at this socket; ends with the test. */
export async function newHalfOpenProxy(socketPath: string): Promise<HalfOpenProxy> {
  const pairs = new Set<Pair>();
  const server = createServer({ noDelay: true }, (front) => {
    const back = connect(socketPath);
    const pair: Pair = { front, back, isTracker: false };
    pairs.add(pair);
    front.on('data', (chunk) => (pair.isTracker ||= chunk.includes('TRACKING')));
    front.pipe(back);
    back.pipe(front);
    const end = (): void => {
      pairs.delete(pair);
      front.destroy();
      back.destroy();
    };
    for (const socket of [front, back]) socket.on('error', () => {}).on('close', end);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const { front, back } of pairs) for (const socket of [front, back]) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    silenceTrackers() {
      for (const { front, back, isTracker } of pairs) {
        if (!isTracker) continue;
        front.unpipe();
        back.unpipe();
        back.resume(); // Redis is not held up, as a network that drops everything does not hold it up
      }
    },
  };
}
