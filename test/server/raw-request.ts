import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

/** A request as an attacker may send it: only what HTTP requires is added. */
export interface RawRequest {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | undefined;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The body as received; `text` is the same as a string. */
  bytes: Buffer;
  text: string;
  durationMs: number;
}

const json = { 'content-type': 'application/json' };

/** Sends a request on a connection of its own. Rejects if the connection breaks before the response is complete. */
export function send(
  url: string,
  { method = 'POST', path = '/graphql', headers = json, body }: RawRequest,
): Promise<RawAnswer> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const durationMs = performance.now() - startedMs;
        const bytes = Buffer.concat(chunks);
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, bytes, text: bytes.toString('utf8'), durationMs });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Writes bytes, and returns what is received until the server closes the connection. */
export function sendBytes(url: string, bytes: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname);
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject).on('close', () => resolve(text));
    for (const part of bytes) socket.write(part);
  });
}
