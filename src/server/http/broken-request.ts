/** Responses to what Node could not parse as HTTP, or did not wait for: it has neither a request nor a response for them. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { noStore } from '../transport/caching-headers.ts';

interface Refusal {
  readonly status: number;
  readonly message: string;
}

export interface BrokenRequest {
  readonly error: NodeJS.ErrnoException & { readonly reason?: string };
  readonly socket: Duplex;
  /** Whether a response is being sent: anything written now would be taken for it, or for a part of it. */
  readonly isAwaited: boolean;
  /** The limits on requests. */
  readonly bounds: { readonly requestMsMax: number; readonly headerBytesMax: number };
  readonly requestId: string;
}

/** Handles Node's `clientError`; the connection ends with it. Returns the status that was sent, if any. */
export function answerBrokenRequest({
  error,
  socket,
  isAwaited,
  bounds,
  requestId,
}: BrokenRequest): number | undefined {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  if (isAwaited) {
    // What has been written of it is still sent: it may be the response that tells the client of its first mistake.
    socket.end(() => socket.destroy());
    return undefined;
  }
  const { status, message } = refusalOf(error, bounds);
  const body = `${JSON.stringify({ errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    `cache-control: ${noStore}`,
    'content-type: application/json; charset=utf-8',
    'x-content-type-options: nosniff',
    `x-request-id: ${requestId}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  // Ended, not destroyed: the response has to reach the client first.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  return status;
}

function refusalOf({ code, reason }: BrokenRequest['error'], bounds: BrokenRequest['bounds']): Refusal {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, message: `The request did not arrive within ${bounds.requestMsMax / 1_000} seconds.` };
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, message: `URL and headers must have at most ${bounds.headerBytesMax} bytes together.` };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, message: 'The chunk extensions are too large.' };
    default:
      return { status: 400, message: `The request is not HTTP/1.1${reason === undefined ? '' : `: ${reason}`}.` };
  }
}
