/** Which request some code runs for: every line of the log that is written meanwhile carries its id. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AsyncContext } from '../async-context/index.ts';

const running = new AsyncContext<{ readonly requestId: string }>();

/** The fields that a line of the log gets. A new object each time: pino writes the other fields into it. */
export function requestFields(): object {
  return { ...running.get() };
}

/** For what is nobody's: a connection or a timer keeps the request that it was made in, and outlives it. */
export function outsideRequests<T>(run: () => T): T {
  return running.exit(run);
}

/** Until the promise of `run` settles. */
export function inRequest<T>(requestId: string, run: () => T | Promise<T>): Promise<T> {
  return running.run({ requestId }, run);
}

export function inRequestSync(requestId: string, run: () => void): void {
  running.runSync({ requestId }, run);
}

/** Of this process; with the number of the request it is an id that no other request has, and that costs nothing. */
const processId = randomBytes(9).toString('base64url');
let requests = 0;

export function newRequestId(): string {
  requests += 1;
  return `${processId}-${requests.toString(36)}`;
}

/** The id that a balancer gave the request, where it is one that a log can bear, else a new one. */
export function requestIdOf({ headers: { 'x-request-id': given } }: IncomingMessage): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId();
}
