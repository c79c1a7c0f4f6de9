/** GraphQL over HTTP: Yoga with this server's limits, errors and report, and the fast path. The listener has read the body already. */
import type { IncomingMessage } from 'node:http';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Cdn } from '../../cache/index.ts';
import type { ShopContext } from '../../../schema/index.ts';
import { useAdminToken, viewerByToken } from './admin-token.ts';
import { useCacheReport } from './cache-report.ts';
import { useClosedConsole } from './closed-console.ts';
import { useEncoding } from './encoding.ts';
import { useEventStreams } from './event-streams.ts';
import { useHttpCaching } from './http-caching.ts';
import { errorMask, useErrorCodes } from './errors.ts';
import { useLimits } from './document-limits.ts';
import { useRequestOutcome } from './request-outcome.ts';
import type { CachedResponses } from './cached-responses.ts';
import type { GraphqlParams, ServerContext } from './server-context.ts';
import { FastPath } from './fast-path.ts';
import type { Log } from '../log.ts';

export const graphqlPath = '/graphql';

/**
 * Answers a request.
 *
 * @param params What a POST requests, whose content type was JSON; undefined for any other method.
 */
export type GraphqlHandler = (context: ServerContext, params: GraphqlParams | undefined) => Promise<void>;

export interface GraphqlOptions {
  schema: GraphQLSchema;
  /** The context of one request, without its viewer. */
  contextOf: () => Omit<ShopContext, 'viewer'>;
  /** Whether responses contain `extensions.cache`. */
  hasReport: boolean;
  /** Whether people may try things: introspection, suggestions, and mutations without a token. */
  hasConsole: boolean;
  /** What mutations need; without a console they need it in any case. */
  adminToken: string | undefined;
  log: Log;
  /** The response cache, which learns here. */
  responses: CachedResponses;
  /** What names the tags of responses for a CDN; undefined if they have none. */
  cdn?: Cdn | undefined;
}

export function createGraphqlHandler({ contextOf, log, ...options }: GraphqlOptions): GraphqlHandler {
  const viewerOf = viewerByToken(options.adminToken);
  const documents = textCache<DocumentNode>();
  const fastPath = new FastPath({ documents });
  const yoga = createYoga<ServerContext, ShopContext>({
    schema: options.schema,
    graphqlEndpoint: graphqlPath,
    context: ({ req }) => ({ ...contextOf(), viewer: viewerOf(req) }),
    maskedErrors: { maskError: errorMask(log), errorMessage: 'An unexpected error occurred.' },
    plugins: [...plugins(options), fastPath.plugin, useEncoding()],
    logging: false,
    graphiql: false,
    landingPage: false,
    parserAndValidationCache: { documentCache: documents, errorCache: textCache() },
    maxRequestBodySize: false,
    multipart: false,
    cors: false,
  });
  return (context, params) => {
    leaveFor(context.req, params);
    return fastPath.answer(yoga, context, params);
  };
}

/** Leaves in `request` what Yoga may see of it. */
function leaveFor(request: IncomingMessage, params: GraphqlParams | undefined): void {
  // Yoga makes a URL with it, and responds with a stack trace if that fails. Nothing here depends on it.
  request.headers.host = 'localhost';
  if (params === undefined) return;
  // Yoga accepts a body that was read before. An object is safe only because the content type was checked.
  Object.assign(request, { body: params });
  request.headers['content-type'] = 'application/json'; // however it was written
}

/** Not all of their hooks see each request: see `fast-path.ts`. */
function plugins({
  hasReport,
  hasConsole,
  adminToken,
  responses,
  cdn,
}: Omit<GraphqlOptions, 'contextOf' | 'log'>): Plugin[] {
  const isGuarded = adminToken !== undefined || !hasConsole;
  return [
    ...(isGuarded ? [useAdminToken(adminToken)] : []),
    useLimits(),
    useEventStreams(),
    useErrorCodes(),
    useRequestOutcome(),
    ...(hasConsole ? [] : [useClosedConsole()]),
    // Before the report, which differs each time.
    responses.plugin,
    ...(hasReport ? [useCacheReport()] : []),
    useHttpCaching({ hasReport, cdn }),
  ];
}

/** The size of a parsed document with its validation errors, at most, per character of its text. */
const bytesPerCharacter = 200;
const documentBytesMax = 32_000_000;

/** Yoga's own cache keeps a thousand documents of any size, which a client could use to fill the memory. */
function textCache<T extends object>(): LRUCache<string, T> {
  return new LRUCache({
    maxSize: documentBytesMax,
    sizeCalculation: (_parsed, text) => bytesPerCharacter * (text.length + 1),
  });
}
