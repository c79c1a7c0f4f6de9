/** The request that some code runs for: every line that it logs contains the request's id. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AsyncContext } from '../async-context/index.ts';

const running = new AsyncContext<{ readonly requestId: string }>();

/** The fields that are added to a log line. A new object each time, because pino writes the other fields into it. */
export function requestFields(): object {
  return { ...running.get() };
}

/** For work that belongs to no request: a connection or a timer keeps the request that it was created in, and outlives it. */
export function outsideRequests<T>(run: () => T): T {
  return running.exit(run);
}

/** Lasts until the promise of `run` settles. */
export function inRequest<T>(requestId: string, run: () => T | Promise<T>): Promise<T> {
  return running.run({ requestId }, run);
}

export function inRequestSync(requestId: string, run: () => void): void {
  running.runSync({ requestId }, run);
}

/** Of this process. With the number of the request it is an id that no other request has, and costs nothing. */
const processId = randomBytes(9).toString('base64url');
let requests = 0;

export function newRequestId(): string {
  requests += 1;
  return `${processId}-${requests.toString(36)}`;
}

/** The id that a load balancer gave the request, if a log line can contain it; otherwise a new one. */
export function requestIdOf({ headers: { 'x-request-id': given } }: IncomingMessage): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId();
}
