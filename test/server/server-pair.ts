// Two servers over the same data, one of which has ready answers, and one request put to both.
import { Agent, request as send } from 'node:http';
import { onTestFinished } from 'vitest';
import type { CacheReport } from '../../src/pothos-cache/index.ts';
import type { RandomDocument } from './random-documents.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

export const adminToken = 'secret';
const bytesMax = 16_000_000;

/** A document as one client sends it. */
export interface Asked extends Pick<RandomDocument, 'query' | 'variables' | 'operationName'> {
  readonly method: 'GET' | 'POST';
  readonly accept: string | undefined;
}

/** Who sends it. */
export interface Sender {
  readonly isAdmin: boolean;
  readonly language: string;
}

export interface Reply {
  /** All that must be the same, however it was come by. */
  readonly comparable: object;
  readonly isValid: boolean;
  readonly isReady: boolean;
  /** How it may be kept. A store that was slow has stored nothing, and of what is not stored nobody knows whom it is for. */
  readonly http: object;
  readonly report: CacheReport | undefined;
}

export interface Twins {
  readonly caches: readonly RunningServer['cache'][];
  readonly ready: (asked: Asked, sender: Sender) => Promise<Reply>;
  readonly plain: (asked: Asked, sender: Sender) => Promise<Reply>;
}

export async function startTwins(overrides: Overrides): Promise<Twins> {
  const [ready, plain] = [
    await startServer({ memoryBytesMax: bytesMax, readyBytesMax: bytesMax, ...overrides, adminToken }),
    // No answer is so small.
    await startServer({ ...overrides, adminToken, redis: null, readyBytesMax: 1 }),
  ];
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const askOf =
    ({ url, executions }: RunningServer): Twins['ready'] =>
    async (asked, sender) => {
      const before = executions();
      const { status, headers, text } = await sent(agent, url, asked, sender);
      return replyOf({ status, headers, text, isExecuted: executions() > before });
    };
  return { caches: [ready.cache, plain.cache], ready: askOf(ready), plain: askOf(plain) };
}

interface Received {
  readonly status: number | undefined;
  readonly headers: object;
  readonly text: string;
}

function sent(agent: Agent, url: string, asked: Asked, { isAdmin, language }: Sender): Promise<Received> {
  const { query, variables, operationName, method, accept } = asked;
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
    const request = send(`${url}${path}`, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject);
    request.end(isGet ? undefined : JSON.stringify({ query, variables, operationName }));
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
  // Errors stand in the order in which fields failed, and of several that leave no data only the first is told: which that
  // is depends on what the cache was quicker for, and so it does without ready answers.
  const told = data === null ? errors?.length : errors?.map((error) => JSON.stringify(error)).toSorted();
  const body = isValid ? withoutReport : { data: JSON.stringify(data), errors: told };
  return { comparable: { status, headers: rest, body }, isValid, isReady: isValid && !isExecuted, http, report };
}
