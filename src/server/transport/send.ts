/** How answers are written. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../log.ts';
import { noStore, withVary } from './caching-headers.ts';
import { encodeResponse } from './encode-response.ts';
import type { OutgoingResponse } from './outgoing-response.ts';
import { noteOutcome } from './request-log.ts';
import { RequestRefused } from './request-refused.ts';

/** For how long the rest of a refused body is read, and thrown away. */
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

/** A status without a body has no length; the length of a 304 would be that of the answer it stands for. */
function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

/** Sends it in the encoding that the client prefers, where it is long enough to be compressed. */
export async function sendEncoded(response: ServerResponse, answer: OutgoingResponse): Promise<void> {
  const encoded = await encodeResponse(response.req, answer);
  if (!response.destroyed) send(response, encoded);
}

export function sendJson(response: ServerResponse, status: number, body: unknown, end?: () => void): void {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  send(response, { status, headers, body: `${JSON.stringify(body)}\n` }, end);
}

/** Answers with what is wrong: with the request where `error` is a `RequestRefused`, else with us. */
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
  // What is left of the body is not looked at: the connection cannot serve another request.
  if (!request.complete) response.setHeader('connection', 'close');
  sendJson(response, status, { errors: [{ message, extensions: { code } }] }, () => endAfterBody(request, response));
}

/**
 * Ends an answer that is written already, when the client has sent all that it wants to, which is thrown away. To close
 * on a client that still sends resets its connection, and it never reads the answer.
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
