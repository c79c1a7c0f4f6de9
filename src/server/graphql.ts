/** GraphQL over HTTP: Yoga with this server's limits, errors and report. The listener has read the body already. */
import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { ShopContext } from '../../schema/index.ts';
import { useCacheReport } from './cache-report.ts';
import { errorMask, useErrorCodes } from './errors.ts';
import { useLimits } from './limits.ts';
import type { Log } from './log.ts';

export const graphqlPath = '/graphql';

export type GraphqlHandler = YogaServerInstance<object, ShopContext>;

export interface GraphqlOptions {
  schema: GraphQLSchema;
  /** The context of one request. */
  contextOf: () => ShopContext;
  /** Whether answers carry `extensions.cache`. */
  hasReport: boolean;
  log: Log;
}

export function createGraphqlHandler({ schema, contextOf, hasReport, log }: GraphqlOptions): GraphqlHandler {
  return createYoga<object, ShopContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    context: contextOf,
    maskedErrors: { maskError: errorMask(log), errorMessage: 'An unexpected error occurred.' },
    plugins: [useLimits(), useErrorCodes(), ...(hasReport ? [useCacheReport()] : [])],
    logging: false,
    graphiql: false,
    landingPage: false,
    parserAndValidationCache: { documentCache: documentCache(), errorCache: documentCache() },
    maxRequestBodySize: false,
    multipart: false,
    cors: false,
  });
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
