/** The listener: one `node:http` server, and where each path goes. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerBrokenRequest } from './broken-request.ts';
import type { Page } from '../graphiql.ts';
import { graphqlPath, type GraphqlHandler } from '../graphql/graphql.ts';
import type { Health } from '../health.ts';
import type { Log } from '../log.ts';
import { checkAccept, checkQueryString, readJsonBody, RequestRefused } from './request-input.ts';
import { inRequest, requestIdOf } from './request-scope.ts';
import { Traffic, type TrafficLimits } from './traffic.ts';

/** For how long the rest of a refused body is read, and thrown away. */
const lingerMsMax = 1_000;
const bounds = {
  /** For how long a request may arrive, its headers included. */
  requestMsMax: 10_000,
  /** URL and headers. */
  headerBytesMax: 16_384,
};

export interface HttpParts {
  readonly graphql: GraphqlHandler;
  /** GraphiQL; undefined where there is no console. */
  readonly page: Page | undefined;
  readonly health: Health;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
  /** Hears of each connection or request that one of the limits on traffic ends. */
  readonly onRefusal?: (limit: keyof TrafficLimits) => void;
  /** Other limits than the usual ones. */
  readonly trafficLimits?: Partial<TrafficLimits>;
}

/** The listener and how it closes: see `Traffic.close`. */
export interface HttpServer {
  readonly server: Server;
  close(options: { drainMs: number }): Promise<void>;
}

/** The server, not yet listening. */
export function createHttpServer(parts: HttpParts): HttpServer {
  const { requestMsMax: requestTimeout, headerBytesMax: maxHeaderSize } = bounds;
  const server = createServer({ requestTimeout, maxHeaderSize, connectionsCheckingInterval: 1_000 });
  const traffic = new Traffic(server, { limits: parts.trafficLimits ?? {}, onRefusal: parts.onRefusal ?? (() => {}) });
  const routed: Parts = { ...parts, traffic };
  const receive = (request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void => {
    if (!traffic.opened(request.socket, response)) return;
    const requestId = requestIdOf(request);
    response.setHeader('x-request-id', requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    inRequest(requestId, () => {
      logWhenDone(parts.log, request, response);
      answer().catch((error: unknown) => refuse(parts, error, { request, response }));
    });
  };
  server.on('request', (request, response) => {
    // Servers must take the form that proxies are sent: GET http://shop.example/graphql
    request.url = request.url?.replace(/^https?:\/\/[^/?#]*/i, '') ?? '/';
    receive(request, response, () => route(routed, request, response));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    receive(request, response, async () => {
      const got = request.headers.expect?.slice(0, 100) ?? '';
      throw new RequestRefused(417, 'BAD_USER_INPUT', `The header Expect may be 100-continue, got ${got}.`);
    });
  });
  server.on('clientError', (error, socket) => {
    const requestId = randomUUID();
    const status = answerBrokenRequest({ error, socket, isAwaited: traffic.isAwaited(socket), bounds, requestId });
    if (status !== undefined) parts.log.debug({ requestId, status }, 'a request could not be read');
  });
  return { server, close: (options) => traffic.close(options) };
}

const paths = new Set([graphqlPath, '/', '/livez', '/readyz', '/metrics']);

interface Parts extends HttpParts {
  readonly traffic: Traffic;
}

async function route(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (request.url ?? '/').split('?', 1);
  switch (path) {
    case graphqlPath:
      return await answerGraphql(parts, request, response);
    case '/':
      return send(response, { status: 308, headers: { location: graphqlPath } });
    case '/livez':
      return sendJson(response, 200, { status: 'alive' });
    case '/readyz': {
      const { isReady, body } = await parts.health.readiness();
      return sendJson(response, isReady ? 200 : 503, body);
    }
    case '/metrics': {
      const headers = { 'content-type': parts.metrics.contentType };
      return send(response, { status: 200, headers, body: await parts.metrics.metrics() });
    }
    default:
      throw new RequestRefused(
        404,
        'BAD_USER_INPUT',
        `GraphQL is at ${graphqlPath}; there is nothing at the path sent.`,
      );
  }
}

async function answerGraphql(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers } = request;
  const isBrowser = method === 'GET' && headers.accept?.includes('text/html') === true;
  if (isBrowser && parts.page !== undefined) return sendPage(request, response, parts.page);
  checkAccept(headers.accept);
  // Yoga takes a body that was read from here. An object is safe only because the content type was checked.
  if (method === 'POST') {
    Object.assign(request, { body: await readJsonBody(request) });
    headers['content-type'] = 'application/json'; // however it was written
  }
  if (method === 'GET') checkQueryString(request.url ?? '');
  // Yoga makes a URL with it, and where that cannot be done it answers with a stack. Nothing here depends on it.
  headers.host = 'localhost';
  const isTaken = await parts.traffic.execute(response, async () => await parts.graphql(request, response));
  if (!isTaken) throw new RequestRefused(503, 'OVERLOADED', 'Too many requests are under way; try again.');
}

function sendPage({ headers }: IncomingMessage, response: ServerResponse, page: Page): void {
  const encodings = headers['accept-encoding']?.slice(0, 100) ?? 'none';
  if (!encodings.includes('gzip')) {
    throw new RequestRefused(406, 'BAD_USER_INPUT', `The page comes with gzip; accept-encoding was ${encodings}.`);
  }
  const { etag } = page.headers;
  if (headers['if-none-match'] === etag) return send(response, { status: 304, headers: { etag } });
  send(response, { status: 200, headers: page.headers, body: page.gzipped });
}

function logWhenDone(log: Log, { method, url = '' }: IncomingMessage, response: ServerResponse): void {
  if (!log.isLevelEnabled('debug')) return;
  const startedMs = performance.now();
  // Of a URL that is not ours, nothing: it may hold values, as what stands behind the path does.
  const [asked = ''] = url.split('?', 1);
  const path = paths.has(asked) ? asked : 'another';
  response.once('close', () => {
    const durationMs = Math.round(100 * (performance.now() - startedMs)) / 100;
    log.debug({ method, path, status: response.statusCode, isWhole: response.writableFinished, durationMs }, 'request');
  });
}

function refuse(
  { log }: HttpParts,
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

function sendJson(response: ServerResponse, status: number, body: unknown, end?: () => void): void {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  send(response, { status, headers, body: `${JSON.stringify(body)}\n` }, end);
}

function send(
  response: ServerResponse,
  { status, headers, body = '' }: { status: number; headers: Readonly<Record<string, string>>; body?: string | Buffer },
  end = (): void => void response.end(),
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).write(body);
  end();
}
