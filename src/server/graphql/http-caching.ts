/**
 * HTTP caching of responses to GETs, from the policies of their fields. Their report is sent in `Server-Timing`: in the body it would
 * differ each time.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { ExecutionArgs, ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Cdn } from '../../cache/index.ts';
import { cacheReportOf, httpCachingOf, serverTimingOf } from '../../graphql-cache/index.ts';
import { cachingHeaders, clientHas } from '../transport/caching-headers.ts';

const jsonTypes = /^\s*(\*|application)\/(\*|json|graphql-response\+json)\s*(;|$)/i;

/** The request of an operation, if it is a GET for a single response: event streams have no end and cannot be kept. */
export function getOf({ contextValue }: Pick<ExecutionArgs, 'contextValue'>): IncomingMessage | undefined {
  const { req } = contextValue as { req?: IncomingMessage };
  if (req?.method !== 'GET') return undefined;
  // GraphQL sends JSON to every client that accepts it.
  const { accept = '' } = req.headers;
  return accept === '' || accept.split(',').some((type) => jsonTypes.test(type)) ? req : undefined;
}

interface HttpCachingOptions {
  readonly hasReport: boolean;
  /** Undefined if responses are not tagged. */
  readonly cdn: Cdn | undefined;
}

export function useHttpCaching(options: HttpCachingOptions): Plugin {
  return {
    onExecute: ({ args }) => ({
      onExecuteDone({ result, setResult }) {
        const request = getOf(args);
        if (request === undefined || isAsyncIterable(result)) return;
        const http = httpOf(request, { args, result, ...options });
        if (http !== undefined) setResult({ ...result, extensions: { ...result.extensions, http } });
      },
    }),
  };
}

/** What Yoga copies from a result into the response. */
interface Http {
  readonly status?: number;
  readonly headers: OutgoingHttpHeaders;
}

function httpOf(
  request: IncomingMessage,
  { args, result, hasReport, cdn }: HttpCachingOptions & { args: ExecutionArgs; result: ExecutionResult },
): Http | undefined {
  const report = hasReport ? cacheReportOf(args.contextValue as object) : undefined;
  const serverTiming = report && serverTimingOf(report);
  const caching = httpCachingOf(args, result, JSON.stringify(result.data), { cdn });
  if (caching === undefined)
    return serverTiming === undefined ? undefined : { headers: { 'server-timing': serverTiming } };
  const headers = Object.fromEntries(cachingHeaders({ ...caching, serverTiming }));
  return clientHas(request, caching.etag) ? { status: 304, headers } : { headers };
}
