/** The path of a GraphQL request: read it, answer it from the response cache, or have it executed. */
import type { IncomingMessage } from 'node:http';
import type { GraphqlHandler } from '../graphql/graphql.ts';
import { askedBy, type CachedResponses } from '../graphql/cached-responses.ts';
import type { GraphqlParams } from '../graphql/server-context.ts';
import { acceptanceOf, answerFormFor } from './accept.ts';
import { send } from '../transport/send.ts';
import { noStore } from '../transport/caching-headers.ts';
import { sendConsoleFile, type ConsoleFiles } from './console-files.ts';
import { isPreflight, type Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { PersistedQueries } from './persisted-queries.ts';
import { sendCachedResponse } from './cached-response.ts';
import { paramsIn, readJsonText, urlWithQuery } from './request-input.ts';
import { RequestRefused } from '../transport/request-refused.ts';
import type { Traffic } from './traffic.ts';

export interface GraphqlParts {
  /** Executes what the response cache cannot answer. */
  readonly graphql: GraphqlHandler;
  readonly responses: CachedResponses;
  /** The console; undefined without one. */
  readonly consoleFiles: ConsoleFiles | undefined;
  readonly traffic: Traffic;
  readonly persistedQueries: PersistedQueries;
  readonly cors: Cors;
}

/** A cached response is sent without a promise on the way: promises would be most of its cost. */
export function answerGraphql(parts: GraphqlParts, exchange: Exchange): void {
  const { request } = exchange;
  exchange.cors = parts.cors.headersFor(request);
  if (request.method === 'POST') {
    const onText = (text: string): void => exchange.begin(() => answerOperation(parts, exchange, text));
    return readJsonText(request, { onText, onFault: exchange.fail });
  }
  if (isPreflight(request)) return exchange.answerBy(() => sendPreflight(exchange, parts.cors));
  if (request.method !== 'GET') {
    const message = 'GraphQL only supports GET and POST requests.';
    throw new RequestRefused(405, 'BAD_USER_INPUT', message, { allow: 'GET, HEAD, POST' });
  }
  const { consoleFiles } = parts;
  if (consoleFiles !== undefined && acceptanceOf(request.headers.accept).prefersPage)
    return exchange.answerBy(() => sendConsoleFile(exchange, consoleFiles.page));
  answerOperation(parts, exchange, '');
}

function answerOperation(parts: GraphqlParts, exchange: Exchange, body: string): void {
  const { traffic, responses } = parts;
  const { headers } = exchange.request;
  // From here on everything sees the form that was chosen: Yoga ignores q-values.
  headers.accept = answerFormFor(headers.accept);
  const asked = askedBy(exchange.request, body);
  const answer = responses.get(asked, exchange.request);
  if (answer === undefined) return exchange.answerBy(() => execute(parts, exchange, { asked, body }));
  if (!(answer instanceof Promise)) return sendCachedResponse(exchange, answer, traffic);
  if (!exchange.open()) return;
  answer.then(
    (found) =>
      found === undefined
        ? exchange.answerBy(() => execute(parts, exchange, { asked, body }))
        : exchange.begin(() => sendCachedResponse(exchange, found, traffic)),
    exchange.fail,
  );
}

async function execute(
  parts: GraphqlParts,
  exchange: Exchange,
  { asked, body }: { asked: string; body: string },
): Promise<void> {
  const { request, response } = exchange;
  const { graphql, responses, traffic } = parts;
  if (request.method !== 'POST') response.setHeader('cache-control', noStore); // unless GraphQL sets another one
  const params = paramsOf(parts, request, body);
  const isTaken = await traffic.execute(response, () => {
    exchange.answer = 'graphql';
    return graphql({ req: request, res: response, exchange }, params);
  });
  if (!isTaken) throw new RequestRefused(503, 'OVERLOADED', 'Too many requests are under way; try again.');
  responses.answered(asked, request, response);
}

/** What a POST requests. For a GET, GraphQL reads the URL itself. */
function paramsOf(
  { persistedQueries }: GraphqlParts,
  request: IncomingMessage,
  body: string,
): GraphqlParams | undefined {
  if (request.method === 'POST') return paramsIn(body, persistedQueries);
  request.url = urlWithQuery(request.url ?? '', persistedQueries);
  return undefined;
}

function sendPreflight({ request, response, cors: allowed }: Exchange, cors: Cors): void {
  send(response, { status: 204, headers: cors.preflight(request, allowed) });
}
