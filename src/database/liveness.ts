import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';

/**
 * Checks that a server still replies, while a statement waits for it: resolves to false if a new connection receives nothing within
 * `waitMsMax`. Never rejects. One check at a time, however many statements wait.
 *
 * The first byte is enough: a login takes several round trips, and on a slow route longer than a statement may wait. Its content does
 * not matter: a server that rejects the login is running. A connection alone is not enough: the kernel accepts it for a server that has
 * stopped, too.
 */
export function livenessProbe(address: ClientConfig, waitMsMax: number): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  return () => (asked ??= isThere(address, waitMsMax).finally(() => (asked = undefined)));
}

function isThere(address: ClientConfig, waitMsMax: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const tooLate = setTimeout(() => {
      resolve(false);
      socket.destroy();
    }, waitMsMax);
    socket.once('data', () => {
      clearTimeout(tooLate);
      resolve(true);
    });
    const client = new Client({ ...address, application_name: 'cachepot (is it there?)', stream: () => socket });
    client.on('error', () => {}); // the statement that waits is rejected, not this connection
    // Completed, so that the server has nothing to report in its log.
    client
      .connect()
      .then(() => client.end())
      .catch(() => socket.destroy())
      .finally(() => {
        clearTimeout(tooLate);
        resolve(false); // nothing was received; otherwise it has been resolved already
      });
  });
}
