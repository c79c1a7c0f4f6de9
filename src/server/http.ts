/** The listener: one `node:http` server, and where each path goes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { graphqlPath, type GraphqlHandler } from './graphql.ts';
import type { Page } from './graphiql.ts';
import type { Health } from './health.ts';
import type { Log } from './log.ts';
import { checkQueryString, readJsonBody, RequestRefused } from './request-input.ts';

export interface HttpParts {
  readonly graphql: GraphqlHandler;
  readonly page: Page;
  readonly health: Health;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
}

/** The server, not yet listening. */
export function createHttpServer(parts: HttpParts): Server {
  return createServer((request, response) => {
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
        errors: [{ message: `There is nothing at this path; GraphQL is at ${graphqlPath}.` }],
      });
  }
}

async function answerGraphql(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET' && request.headers.accept?.includes('text/html') === true) {
    return sendPage(response, parts.page, request.headers['accept-encoding']);
  }
  // Yoga takes a body that was read from here. An object is safe only because the content type was checked.
  if (request.method === 'POST') Object.assign(request, { body: await readJsonBody(request) });
  else checkQueryString(request.url ?? '');
  await parts.graphql(request, response);
}

/** `GET /graphql` of a browser. */
function sendPage(response: ServerResponse, page: Page, acceptEncoding: string | string[] | undefined): void {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'accept-encoding' };
  if (!String(acceptEncoding).includes('gzip')) return send(response, { status: 200, headers, body: page.html });
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
  // What is left of the body is not read: the connection cannot serve another request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (isRefusal) {
    return sendJson(response, error.status, { errors: [{ message: error.message, extensions: { code: error.code } }] });
  }
  const message = 'An unexpected error occurred.';
  sendJson(response, 500, { errors: [{ message, extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  send(response, { status, headers, body: `${JSON.stringify(body)}\n` });
}

function send(
  response: ServerResponse,
  { status, headers, body = '' }: { status: number; headers: Record<string, string>; body?: string | Buffer },
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
