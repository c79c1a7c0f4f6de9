/** The shop's schema. Each file defines its part on the builder when it is imported; nothing connects. */
import type { GraphQLSchema } from 'graphql';
import type { Cache } from '../src/cache/index.ts';
import { builder } from './builder.ts';
import './cache-stats.ts';
import './category-stats.ts';
import './decimal.ts';
import './flush-cache.ts';
import './products.ts';
import './top-products.ts';

export type { ShopContext } from './builder.ts';

/**
 * Creates the executable schema.
 *
 * @param options.cache The cache of cached fields.
 * @param options.ttlMs How long their values are fresh, 1…86_400_000.
 * @param options.hasDirective Whether requests may use `@cache(mode:)`.
 */
export function createSchema({
  cache,
  ttlMs,
  hasDirective,
}: {
  cache: Cache;
  ttlMs: number;
  hasDirective: boolean;
}): GraphQLSchema {
  return builder.toSchema({
    cache: {
      engine: cache,
      defaultTtl: `${ttlMs}ms`,
      directive: hasDirective,
      viewer: ({ viewer }) => viewer,
      viewerProperties: ['viewer'],
      request: ({ req }) => req,
    },
  });
}
