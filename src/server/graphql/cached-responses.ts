/** Requests that were answered before and can be answered the same way: they never reach GraphQL. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import {
  ResponseCache,
  type CachedResponse,
  type ResponseCacheOptions,
  type CacheableResult,
} from '../../pothos-cache/index.ts';
import { isJsonAnswer } from './json-answer.ts';
import { operationOf } from './request-outcome.ts';

/** What the listener asks before GraphQL, and tells after it. */
export interface CachedResponses {
  /** The answer to what was asked, where that is known without GraphQL. */
  get(asked: string, request: IncomingMessage): CachedResponse | undefined | Promise<CachedResponse | undefined>;
  /** GraphQL has answered. */
  answered(asked: string, request: IncomingMessage, response: ServerResponse): void;
  /** Learns what was executed. It stands before the report, which is another one each time. */
  readonly plugin: Plugin;
}

/**
 * All that an answer depends on beside what is cached. Only the type of the answer follows from a header; `Authorization`
 * says who asks, for mutations and private fields, which are never ready. Neither method nor URL can have a space, nor a
 * header a new line.
 *
 * @param body Empty where none is read.
 */
export function askedBy({ method = '', url = '', headers: { accept = '' } }: IncomingMessage, body: string): string {
  return `${method} ${url} ${accept}\n${body}`;
}

export function createCachedResponses(options: ResponseCacheOptions): CachedResponses {
  const ready = new ResponseCache(options);
  const repeatable = new WeakMap<object, CacheableResult & { readonly label: string | undefined }>();
  return {
    get: (asked, request) => ready.get(asked, request),
    answered(asked, request, response) {
      const answer = repeatable.get(request);
      const contentType = response.getHeader('content-type');
      if (answer === undefined || !isJsonAnswer(contentType)) return;
      ready.set(asked, answer, { contentType, isGet: request.method === 'GET', label: answer.label });
    },
    plugin: {
      onExecute: ({ args }) => ({
        onExecuteDone({ result }) {
          const { req } = args.contextValue as { req?: IncomingMessage };
          if (req === undefined || isAsyncIterable(result)) return;
          const answer = ready.cacheable(args, result);
          if (answer !== undefined) repeatable.set(req, { ...answer, label: operationOf(args) });
        },
      }),
    },
  };
}
