/** Writes responses. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../log.ts';
import { noStore, withVary } from './caching-headers.ts';
import { encodeResponse } from './encode-response.ts';
import type { OutgoingResponse } from './outgoing-response.ts';
import { noteOutcome } from './request-log.ts';
import { RequestRefused } from './request-refused.ts';

/** How long the rest of a refused body is read and discarded, in milliseconds. */
const lingerMsMax = 1_000;

export function send(
  response: ServerResponse,
  { status, headers, body = '' }: OutgoingResponse,
  end = (): void => void response.end(),
): void {
  const vary = withVary(headers['vary'] ?? '', String(response.getHeader('vary') ?? ''));
  if (vary !== '') response.setHeader('vary', vary);
  const { vary: _vary, ...others } = headers;
  const length = hasBody(status) ? { 'content-length': Buffer.byteLength(body) } : {};
  response.writeHead(status, { ...others, ...length }).write(body);
  end();
}

/** A status without a body has no length; the length of a 304 would be that of the response it replaces. */
function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

/** Sends it in the encoding that the client prefers, if it is long enough to be compressed. */
export async function sendEncoded(response: ServerResponse, answer: OutgoingResponse): Promise<void> {
  const encoded = await encodeResponse(response.req, answer);
  if (!response.destroyed) send(response, encoded);
}

export function sendJson(response: ServerResponse, status: number, body: unknown, end?: () => void): void {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  send(response, { status, headers, body: `${JSON.stringify(body)}\n` }, end);
}

/** Responds with what is wrong: with the request if `error` is a `RequestRefused`, otherwise with the server. */
export function refuse(
  log: Log,
  error: unknown,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): void {
  const isRefusal = error instanceof RequestRefused;
  if (!isRefusal && !request.destroyed) log.error({ err: error }, 'a request failed');
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = isRefusal ? error.status : 500;
  const { message, code } = isRefusal
    ? error
    : { message: 'An unexpected error occurred.', code: 'INTERNAL_SERVER_ERROR' };
  noteOutcome(request, { errors: [code] });
  response.setHeader('cache-control', noStore);
  for (const [name, value] of Object.entries(isRefusal ? error.headers : {})) response.setHeader(name, value);
  if (status === 503) response.setHeader('retry-after', '1');
  // The rest of the body is ignored: the connection cannot serve another request.
  if (!request.complete) response.setHeader('connection', 'close');
  sendJson(response, status, { errors: [{ message, extensions: { code } }] }, () => endAfterBody(request, response));
}

/**
 * Ends a response that is written already, once the client has sent everything it wants to, which is discarded. Closing while a client
 * still sends resets its connection, and it never reads the response.
 */
function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  const timer = setTimeout(end, lingerMsMax);
  function end(): void {
    clearTimeout(timer);
    response.end();
  }
  if (request.complete) return end();
  request.once('end', end).once('close', end).resume();
}
