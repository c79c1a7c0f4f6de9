/** Which request some code runs for: every line of the log that is written meanwhile carries its id. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const running = new AsyncLocalStorage<{ readonly requestId: string }>();

/** The fields that a line of the log gets. A new object each time: pino writes the other fields into it. */
export function requestFields(): object {
  return { ...running.getStore() };
}

/** For what is nobody's: a connection or a timer keeps the request that it was made in, and outlives it. */
export function outsideRequests<T>(run: () => T): T {
  return running.exit(run);
}

export function inRequest<T>(requestId: string, run: () => T): T {
  return running.run({ requestId }, run);
}

/** The id that a balancer gave the request, where it is one that a log can bear, else a new one. */
export function requestIdOf({ headers: { 'x-request-id': given } }: IncomingMessage): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
