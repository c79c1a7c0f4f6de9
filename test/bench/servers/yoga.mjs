/**
 * GraphQL Yoga. With `CACHE=none` and `CACHE=aside` it has its defaults, and with `aside` plain cache-aside in the
 * resolvers; `memory` and `redis` use its response cache, with features switched off that cost time and are not needed.
 *
 * https://the-guild.dev/graphql/yoga-server/docs/features/response-caching
 */
import { createServer } from 'node:http';
import { env } from 'node:process';
import { createSchema, createYoga } from 'graphql-yoga';
import { connectRedis, contextOf, resolvers, ttlSeconds, typeDefs } from './shop.mjs';

const stock = { logging: false, graphiql: false };
const quick = { ...stock, landingPage: false, multipart: false, cors: false, maxRequestBodySize: false };
const variants = {
  none: () => ({ ...stock, schema: createSchema({ typeDefs, resolvers }) }),
  aside: () => ({ ...stock, schema: createSchema({ typeDefs, resolvers: aside(connectRedis()) }) }),
  memory: () => responseCached(({ createInMemoryCache }) => createInMemoryCache()),
  async redis() {
    const { createRedisCache } = await import('@envelop/response-cache-redis');
    return await responseCached(() => createRedisCache({ redis: connectRedis() }));
  },
};

const variant = await variants[env.CACHE]();
const yoga = createYoga({ ...variant, context: contextOf });
createServer((request, response) => void yoga(request, response)).listen(Number(env.PORT), '127.0.0.1');

/** Imports here what the other two variants do not need: those run without the package of the peers. */
async function responseCached(cacheOf) {
  const plugin = await import('@graphql-yoga/plugin-response-cache');
  const responseCache = plugin.useResponseCache({
    session: () => null,
    ttl: ttlSeconds * 1_000,
    // It caches operations: one with a field that must not be cached is not cached.
    ttlPerSchemaCoordinate: { 'Query.cacheStats': 0, 'Product.reviews': 0 },
    cache: cacheOf(plugin),
  });
  return { ...quick, schema: createSchema({ typeDefs, resolvers }), plugins: [responseCache] };
}

/** The resolvers of the three queries with a GET before, and a SET after. */
function aside(redis) {
  const { cacheStats, ...cached } = resolvers.Query;
  const wrapped = Object.entries(cached).map(([field, resolve]) => [
    field,
    async (parent, args, context) => {
      const key = `${field}:${JSON.stringify(args)}`;
      const found = await redis.get(key);
      if (found !== null) return JSON.parse(found);
      const value = await resolve(parent, args, context);
      await redis.set(key, JSON.stringify(value), 'EX', ttlSeconds);
      return value;
    },
  ]);
  return { ...resolvers, Query: { ...Object.fromEntries(wrapped), cacheStats } };
}
