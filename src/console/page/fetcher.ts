/** Sends operations to the server at the page's own address: subscriptions by server-sent events, the others by POST. */
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { getOperationAST, OperationTypeNode, parse, type DocumentNode } from 'graphql';
import { createClient } from 'graphql-sse';

const url = location.pathname;
// What a page sends when it is left must outlive it, such as the start of a Redis that a scenario has stopped.
let isLeaving = false;
window.addEventListener('pagehide', () => (isLeaving = true));
window.addEventListener('pageshow', () => (isLeaving = false));
const sendOverHttp = createGraphiQLFetcher({
  url,
  fetch: (input, init) => fetch(input, isLeaving ? { ...init, keepalive: true } : init),
});

export const fetcher: Fetcher = (params, options) => {
  if (!isSubscription(params.query, params.operationName, options?.documentAST)) return sendOverHttp(params, options);
  const headers = (options?.headers ?? {}) as Record<string, string>;
  // One connection for each subscription, without retries: the panel reconnects, and passes the time of the last event.
  const client = createClient({ url, headers, retryAttempts: 0 });
  const { query, operationName, variables } = params;
  const request = {
    query,
    ...(operationName == null ? {} : { operationName }),
    variables: variables as Record<string, unknown>,
  };
  return client.iterate(request) as ReturnType<Fetcher>;
};

function isSubscription(query: string, operationName?: string | null, document?: DocumentNode): boolean {
  try {
    return getOperationAST(document ?? parse(query), operationName)?.operation === OperationTypeNode.SUBSCRIPTION;
  } catch {
    return false; // the server explains the syntax error
  }
}
