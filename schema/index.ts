/** The shop's schema. Each file defines its part on the builder when it is imported; nothing connects. */
import type { GraphQLSchema } from 'graphql';
import type { Cache } from '../src/cache/index.ts';
import './add-review.ts';
import { builder } from './builder.ts';
import './cache-events.ts';
import './cache-snapshot.ts';
import './cache-stats.ts';
import './category-stats.ts';
import { withoutConsole } from './console-only.ts';
import './console-settings.ts';
import './decimal.ts';
import './flush-cache.ts';
import './private-redis.ts';
import './product-mutations.ts';
import './products.ts';
import './shop-errors.ts';
import './top-products.ts';

export type { ShopContext } from './builder.ts';
export type { PrivateRedis } from './self-starting-redis.ts';
export { createShopConsole, type ShopConsole, type ShopConsoleOptions } from './shop-console.ts';
export { systemWallClock, type WallClock } from './wall-clock.ts';

/**
 * Creates the executable schema.
 *
 * @param options.cache The cache of cached fields.
 * @param options.ttlMs How long their values are fresh, 1…86_400_000.
 * @param options.shadow The share of their hits that are also loaded and compared, 0…1. Default: 0.
 * @param options.hasConsole Whether requests may use `@cache(mode:)`, and the fields that exist for the console alone.
 */
export function createSchema({
  cache,
  ttlMs,
  shadow = 0,
  hasConsole,
}: {
  cache: Cache;
  ttlMs: number;
  shadow?: number;
  hasConsole: boolean;
}): GraphQLSchema {
  const schema = builder.toSchema({
    cache: {
      engine: cache,
      defaults: { ttl: `${ttlMs}ms`, shadow },
      directive: hasConsole,
      viewer: ({ viewer }) => viewer,
      viewerProperties: ['viewer'],
      request: ({ req }) => req,
    },
  });
  return hasConsole ? schema : withoutConsole(schema);
}
