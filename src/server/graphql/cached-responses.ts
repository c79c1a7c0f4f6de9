/** Connects the response cache to the listener, which asks it before GraphQL, and to Yoga, from whose results it learns. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import {
  ResponseCache,
  type CachedResponse,
  type ResponseCacheOptions,
  type CacheableResult,
} from '../../graphql-cache/index.ts';
import { isJsonAnswer } from './json-answer.ts';
import { operationOf } from './request-outcome.ts';

/** What the listener asks before GraphQL, and reports to after it. */
export interface CachedResponses {
  /** Returns the cached response to a request, if there is one. */
  get(asked: string, request: IncomingMessage): CachedResponse | undefined | Promise<CachedResponse | undefined>;
  /** Called when GraphQL has answered. */
  answered(asked: string, request: IncomingMessage, response: ServerResponse): void;
  /** Learns what was executed. It comes before the report, which differs each time. */
  readonly plugin: Plugin;
}

/**
 * Everything that a response depends on besides cached values. Of the headers only `Accept` counts: `Authorization` identifies the
 * viewer, for mutations and private fields, whose responses are never cached. Neither method nor URL can contain a space, nor a header
 * a line break.
 *
 * @param body Empty if none is read.
 */
export function askedBy({ method = '', url = '', headers: { accept = '' } }: IncomingMessage, body: string): string {
  return `${method} ${url} ${accept}\n${body}`;
}

export function createCachedResponses(options: ResponseCacheOptions): CachedResponses {
  const responses = new ResponseCache(options);
  const repeatable = new WeakMap<object, CacheableResult & { readonly label: string | undefined }>();
  return {
    get: (asked, request) => responses.get(asked, request),
    answered(asked, request, response) {
      const answer = repeatable.get(request);
      const contentType = response.getHeader('content-type');
      if (answer === undefined || !isJsonAnswer(contentType)) return;
      responses.set(asked, answer, { contentType, isGet: request.method === 'GET', label: answer.label });
    },
    plugin: {
      onExecute: ({ args }) => ({
        onExecuteDone({ result }) {
          const { req } = args.contextValue as { req?: IncomingMessage };
          if (req === undefined || isAsyncIterable(result)) return;
          const answer = responses.cacheable(args, result);
          if (answer !== undefined) repeatable.set(req, { ...answer, label: operationOf(args) });
        },
      }),
    },
  };
}
