/** Answers to what Node could not read as HTTP, or would not wait for: it has no request and no response for them. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

interface Refusal {
  readonly status: number;
  readonly message: string;
}

const refusals: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive within 10 seconds.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'URL and headers must have at most 16 kB together.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The chunk extensions are too large.' },
};
const unreadable: Refusal = { status: 400, message: 'The request is not HTTP/1.1.' };

/**
 * Node's `clientError`; the connection ends with it.
 *
 * @param isAnswering Another head in the middle of an answer would be read as part of it.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex, isAnswering: boolean): void {
  if (!socket.writable || error.code === 'ECONNRESET' || isAnswering) {
    socket.destroy();
    return;
  }
  const { status, message } = refusals[error.code ?? ''] ?? unreadable;
  const body = `${JSON.stringify({ errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    'x-content-type-options: nosniff',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  // Ended, not destroyed: the answer has to reach the client first.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
