/**
 * Mercurius with compiled queries and mercurius-cache, with handwritten keys, as its documentation recommends for
 * speed. https://github.com/mercurius-js/cache
 */
import { env } from 'node:process';
import Fastify from 'fastify';
import mercurius from 'mercurius';
import cache from 'mercurius-cache';
import { connectRedis, contextOf, resolvers, ttlSeconds, typeDefs } from './shop.mjs';

const storages = {
  memory: () => ({ type: 'memory', options: { size: 1_024 } }),
  redis: () => ({ type: 'redis', options: { client: connectRedis() } }),
};

const app = Fastify({ logger: false });
await app.register(mercurius, { schema: typeDefs, resolvers, context: contextOf, jit: 1 });
await app.register(cache, {
  ttl: ttlSeconds,
  storage: storages[env.CACHE](),
  policy: {
    Query: {
      categoryStats: { key: () => 'all' },
      topProducts: { key: ({ arg }) => `${arg.perCategory}:${arg.minReviews}` },
      searchProducts: { key: ({ arg }) => `${arg.limit}:${arg.categoryId ?? ''}:${arg.q}` },
    },
  },
});
await app.listen({ port: Number(env.PORT), host: '127.0.0.1' });
