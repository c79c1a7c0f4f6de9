import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';

/**
 * Asks a server whether it is there, while a statement waits for it: resolves to false where a new connection hears
 * nothing within `waitMsMax`. Never rejects. One question at a time, whatever the number of statements that wait.
 *
 * The first byte is enough: a login takes several round trips, and on a slow route longer than a statement may wait. What
 * it says does not matter: a server that refuses the login is there. A connection alone is none: the kernel takes it up
 * also for a server that has stopped.
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
    client.on('error', () => {}); // the statement that waits is told, not this connection
    // Said to the end, so that the server has nothing to complain of in its log.
    client
      .connect()
      .then(() => client.end())
      .catch(() => socket.destroy())
      .finally(() => {
        clearTimeout(tooLate);
        resolve(false); // no word came; else it is decided already
      });
  });
}
