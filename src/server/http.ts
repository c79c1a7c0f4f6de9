/** The listener: one `node:http` server, and where each path goes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { graphqlPath, type GraphqlHandler } from './graphql.ts';
import type { Page } from './graphiql.ts';
import type { Health } from './health.ts';
import type { Log } from './log.ts';
import { checkQueryString, readJsonBody, RequestRefused } from './request-input.ts';

/** For how long the rest of a refused body is read, and thrown away. */
const lingerMsMax = 1_000;
/** For how long a request may arrive. */
const requestMsMax = 10_000;

export interface HttpParts {
  readonly graphql: GraphqlHandler;
  readonly page: Page;
  readonly health: Health;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
}

/** The server, not yet listening. */
export function createHttpServer(parts: HttpParts): Server {
  return createServer({ requestTimeout: requestMsMax, connectionsCheckingInterval: 1_000 }, (request, response) => {
    route(parts, request, response).catch((error: unknown) => refuse(parts, error, { request, response }));
  });
}

async function route(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
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
      return sendJson(response, 404, {
        errors: [
          {
            message: `There is nothing at this path; GraphQL is at ${graphqlPath}.`,
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ],
      });
  }
}

async function answerGraphql(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET' && request.headers.accept?.includes('text/html') === true) {
    return await sendPage(response, parts.page, String(request.headers['accept-encoding']));
  }
  // Yoga takes a body that was read from here. An object is safe only because the content type was checked.
  if (request.method === 'POST') Object.assign(request, { body: await readJsonBody(request) });
  else if (request.method === 'GET') checkQueryString(request.url ?? '');
  // Yoga makes a URL with it, and where that cannot be done it answers with a stack. Nothing here depends on it.
  request.headers.host = 'localhost';
  await parts.graphql(request, response);
}

/** `GET /graphql` of a browser. */
async function sendPage(response: ServerResponse, page: Page, acceptEncoding = ''): Promise<void> {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'accept-encoding' };
  if (!acceptEncoding.includes('gzip')) return send(response, { status: 200, headers, body: await page.plain() });
  send(response, { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: page.gzipped });
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
  { status, headers, body = '' }: { status: number; headers: Record<string, string>; body?: string | Buffer },
  end = (): void => void response.end(),
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).write(body);
  end();
}
