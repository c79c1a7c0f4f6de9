/** GraphQL over HTTP: Yoga with this server's limits, errors and report. The listener has read the body already. */
import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { ShopContext } from '../../../schema/index.ts';
import { useAdminToken, viewerByToken } from './admin-token.ts';
import { useCacheReport } from './cache-report.ts';
import { useClosedConsole } from './closed-console.ts';
import { useHttpCaching } from './http-caching.ts';
import { errorMask, useErrorCodes } from './errors.ts';
import { useLimits } from './document-limits.ts';
import type { ReadyWay } from './ready-way.ts';
import type { Log } from '../log.ts';

export const graphqlPath = '/graphql';

export type GraphqlHandler = YogaServerInstance<object, ShopContext>;

export interface GraphqlOptions {
  schema: GraphQLSchema;
  /** The context of one request, but for who asks. */
  contextOf: () => Omit<ShopContext, 'viewer'>;
  /** Whether answers carry `extensions.cache`. */
  hasReport: boolean;
  /** Whether this is for people to try: introspection, suggestions, and mutations without a token. */
  hasConsole: boolean;
  /** What mutations need; without a console they need it in any case. */
  adminToken: string | undefined;
  log: Log;
  /** The way past GraphQL, which learns here. */
  ready: ReadyWay;
}

export function createGraphqlHandler({ contextOf, log, ...options }: GraphqlOptions): GraphqlHandler {
  const viewerOf = viewerByToken(options.adminToken);
  return createYoga<object, ShopContext>({
    schema: options.schema,
    graphqlEndpoint: graphqlPath,
    context: ({ request }) => ({ ...contextOf(), viewer: viewerOf(request) }),
    maskedErrors: { maskError: errorMask(log), errorMessage: 'An unexpected error occurred.' },
    plugins: plugins(options),
    logging: false,
    graphiql: false,
    landingPage: false,
    parserAndValidationCache: { documentCache: documentCache(), errorCache: documentCache() },
    maxRequestBodySize: false,
    multipart: false,
    cors: false,
  });
}

function plugins({ hasReport, hasConsole, adminToken, ready }: Omit<GraphqlOptions, 'contextOf' | 'log'>): Plugin[] {
  const isGuarded = adminToken !== undefined || !hasConsole;
  return [
    ...(isGuarded ? [useAdminToken(adminToken)] : []),
    useLimits(),
    useErrorCodes(),
    ...(hasConsole ? [] : [useClosedConsole()]),
    // Before the report, which is another each time.
    ready.plugin,
    ...(hasReport ? [useCacheReport()] : []),
    useHttpCaching({ hasReport }),
  ];
}

/** What a parsed document with the errors of its validation takes at the most, per character of its text. */
const bytesPerCharacter = 200;
const documentBytesMax = 32_000_000;

/** Yoga's own keeps a thousand documents however large, which is enough to fill the memory on purpose. */
function documentCache<T extends object>(): LRUCache<string, T> {
  return new LRUCache({
    maxSize: documentBytesMax,
    sizeCalculation: (_parsed, text) => bytesPerCharacter * (text.length + 1),
  });
}
