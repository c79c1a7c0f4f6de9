// Two servers over the same data, one of which caches responses, for sending the same request to both.
import { Agent, request as send } from 'node:http';
import { onTestFinished } from 'vitest';
import type { CacheReport } from '../../src/pothos-cache/index.ts';
import type { RandomDocument } from './random-documents.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

export const adminToken = 'secret';
const bytesMax = 16_000_000;

/** A document as a client sends it. */
export interface GraphqlRequest extends Pick<RandomDocument, 'query' | 'variables' | 'operationName'> {
  readonly method: 'GET' | 'POST';
  readonly accept: string | undefined;
}

/** The client that sends it. */
export interface Sender {
  readonly isAdmin: boolean;
  readonly language: string;
}

export interface Reply {
  /** Everything that must be equal in a cached and in an executed response. */
  readonly comparable: object;
  readonly isValid: boolean;
  readonly isCached: boolean;
  /** Its caching headers. A value that a slow store has not stored makes them stricter, so they may differ between servers. */
  readonly http: object;
  readonly report: CacheReport | undefined;
}

export interface ServerPair {
  readonly caches: readonly RunningServer['cache'][];
  readonly caching: (request: GraphqlRequest, sender: Sender) => Promise<Reply>;
  readonly plain: (request: GraphqlRequest, sender: Sender) => Promise<Reply>;
}

export async function startServerPair(overrides: Overrides): Promise<ServerPair> {
  const [caching, plain] = [
    await startServer({ memoryBytesMax: bytesMax, responseBytesMax: bytesMax, ...overrides, adminToken }),
    // No response is that small, so none is cached.
    await startServer({ ...overrides, adminToken, redis: null, responseBytesMax: 1 }),
  ];
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const senderOf =
    ({ url, executions }: RunningServer): ServerPair['caching'] =>
    async (request, sender) => {
      const before = executions();
      const { status, headers, text } = await receive(agent, url, request, sender);
      return replyOf({ status, headers, text, isExecuted: executions() > before });
    };
  return { caches: [caching.cache, plain.cache], caching: senderOf(caching), plain: senderOf(plain) };
}

interface Received {
  readonly status: number | undefined;
  readonly headers: object;
  readonly text: string;
}

function receive(agent: Agent, url: string, request: GraphqlRequest, { isAdmin, language }: Sender): Promise<Received> {
  const { query, variables, operationName, method, accept } = request;
  const isGet = method === 'GET';
  const headers = {
    ...(isGet ? {} : { 'content-type': 'application/json' }),
    ...(accept === undefined ? {} : { accept }),
    ...(isAdmin ? { authorization: `Bearer ${adminToken}` } : {}),
    'accept-language': language,
  };
  const form = new URLSearchParams({
    query,
    ...(operationName === undefined ? {} : { operationName }),
    variables: JSON.stringify(variables),
  });
  const path = isGet ? `/graphql?${form.toString()}` : '/graphql';
  return new Promise((resolve, reject) => {
    const sent = send(`${url}${path}`, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(isGet ? undefined : JSON.stringify({ query, variables, operationName }));
  });
}

function replyOf({ status, headers, text, isExecuted }: Received & { readonly isExecuted: boolean }): Reply {
  const { data, errors, extensions } = JSON.parse(text) as {
    data?: unknown;
    errors?: unknown[];
    extensions?: { cache?: CacheReport };
  };
  const report = extensions?.cache;
  const {
    'x-request-id': _id,
    date: _date,
    'content-length': _length,
    'server-timing': _timing,
    'cache-control': cacheControl,
    vary,
    ...rest
  } = headers as Record<string, string | undefined>;
  const http = { cacheControl: cacheControl?.replace(/\d+/, 'some'), vary };
  const isValid = status === 200 && errors === undefined;
  const withoutReport = text.replace(`"extensions":${JSON.stringify({ cache: report })},`, '');
  // Errors are in the order in which fields failed, and of several that leave no data only the first is reported. That order
  // depends on which field the cache returned first, also without cached responses.
  const comparableErrors = data === null ? errors?.length : errors?.map((error) => JSON.stringify(error)).toSorted();
  const body = isValid ? withoutReport : { data: JSON.stringify(data), errors: comparableErrors };
  return { comparable: { status, headers: rest, body }, isValid, isCached: isValid && !isExecuted, http, report };
}
