/** The listener: one `node:http` server, and the handler of each path. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { graphqlPath } from '../graphql/graphql.ts';
import type { Health } from '../health.ts';
import type { Log } from '../log.ts';
import type { MeasuredAnswer } from '../transport/http-answer.ts';
import { send, sendEncoded, sendJson } from '../transport/send.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { consolePath, sendConsoleFile } from './console-files.ts';
import { Cors } from './cors.ts';
import { Exchange } from './exchange.ts';
import { answerGraphql, type GraphqlParts } from './graphql-requests.ts';
import { PersistedQueries } from './persisted-queries.ts';
import { RequestRefused } from '../transport/request-refused.ts';
import { newRequestId } from '../request-scope.ts';
import { Traffic, type TrafficLimits } from './traffic.ts';

const bounds = {
  /** How long a request may take to arrive, including its headers. */
  requestMsMax: 10_000,
  /** URL and headers. */
  headerBytesMax: 16_384,
};

export interface HttpParts extends Omit<GraphqlParts, 'traffic' | 'persistedQueries' | 'cors'> {
  readonly health: Health;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
  /** Called when a request has ended, also if its client disconnected before. */
  readonly onAnswer?: (measured: MeasuredAnswer) => void;
  /** Called with each connection or request that a limit on traffic ends. */
  readonly onRefusal?: (limit: keyof TrafficLimits) => void;
  /** How long an idle connection is kept open. */
  readonly keepAliveMs: number;
  /** Pages of these origins may read responses, see `Cors`. */
  readonly corsOrigins: readonly string[];
  /** Limits that replace the defaults. */
  readonly trafficLimits?: Partial<TrafficLimits>;
}

/** The listener, and how it closes: see `Traffic.close`. */
export interface HttpServer {
  readonly server: Server;
  close(options: { drainMs: number }): Promise<void>;
}

/** The server, not yet listening. */
export function createHttpServer(parts: HttpParts): HttpServer {
  const { requestMsMax: requestTimeout, headerBytesMax: maxHeaderSize } = bounds;
  const { keepAliveMs: keepAliveTimeout, corsOrigins: origins, log } = parts;
  const server = createServer({ requestTimeout, maxHeaderSize, keepAliveTimeout, connectionsCheckingInterval: 1_000 });
  const traffic = new Traffic(server, { limits: parts.trafficLimits ?? {}, onRefusal: parts.onRefusal ?? (() => {}) });
  const cors = new Cors({ origins, log });
  const routed: Parts = { ...parts, traffic, cors, persistedQueries: new PersistedQueries() };
  /** Includes those that are not opened yet. */
  const latest = new WeakMap<Duplex, Exchange>();
  server.on('request', (request, response) => {
    request.url = originForm(request.url ?? '/');
    const exchange = new Exchange(routed, request, response);
    // The response itself knows that it has no body.
    if (request.method === 'HEAD') request.method = 'GET';
    latest.set(request.socket, exchange);
    exchange.begin(() => route(routed, exchange));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    new Exchange(routed, request, response).answerBy(() => {
      const got = request.headers.expect?.slice(0, 100) ?? '';
      throw new RequestRefused(417, 'BAD_USER_INPUT', `The header Expect may be 100-continue, got ${got}.`);
    });
  });
  server.on('clientError', (error, socket) => {
    const requestId = newRequestId();
    const isAwaited = traffic.isAwaited(socket) || latest.get(socket)?.isAwaited === true;
    const status = answerBrokenRequest({ error, socket, isAwaited, bounds, requestId });
    if (status === undefined) return;
    // Browsers open connections in advance, and close those that they did not need: that is not a request.
    const level = 'bytesRead' in socket && socket.bytesRead === 0 ? 'debug' : 'info';
    parts.log[level]({ requestId, status }, 'a request could not be read');
  });
  return { server, close: (options) => traffic.close(options) };
}

interface Parts extends HttpParts, GraphqlParts {}

/** Servers must accept the form that is sent to proxies: GET http://shop.example/graphql */
function originForm(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '');
}

function route(parts: Parts, exchange: Exchange): void {
  const { url = '/' } = exchange.request;
  const [path] = url === graphqlPath ? [url] : url.split('?', 1);
  if (path === graphqlPath) answerGraphql(parts, exchange);
  else if (path?.startsWith(consolePath)) exchange.answerBy(() => answerAsset(parts, path, exchange));
  else exchange.answerBy(() => answerOther(parts, path, exchange.response));
}

async function answerOther(parts: Parts, path: string | undefined, response: ServerResponse): Promise<void> {
  switch (path) {
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
      return sendEncoded(response, { status: 200, headers, body: await parts.metrics.metrics() });
    }
    default:
      throw nothingThere();
  }
}

/** What the console's page loads. */
function answerAsset({ consoleFiles }: Parts, path: string, exchange: Exchange): void {
  const { method } = exchange.request;
  const asset = consoleFiles?.assets.get(path);
  if (asset === undefined) throw nothingThere();
  if (method !== 'GET')
    throw new RequestRefused(405, 'BAD_USER_INPUT', 'Only GET and HEAD are supported here.', { allow: 'GET, HEAD' });
  sendConsoleFile(exchange, asset);
}

function nothingThere(): RequestRefused {
  return new RequestRefused(404, 'BAD_USER_INPUT', `GraphQL is at ${graphqlPath}; there is nothing at the path sent.`);
}
