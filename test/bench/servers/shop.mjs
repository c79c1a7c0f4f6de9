/** The shop for the peers: the printed schema, resolvers on the built queries, and Redis. */
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import { Redis } from 'ioredis';
import { connectDatabase, createShop } from '../../../dist/src/database/index.js';

export const typeDefs = await readFile(new URL('../../../schema/schema.graphql', import.meta.url), 'utf8');
export const ttlSeconds = Number(env.CACHE_TTL);

const { db } = connectDatabase({ url: env.DATABASE_URL, onError() {} });
const shop = createShop({ db, simulateLatency: false });

/** The context of one request. */
export const contextOf = () => ({ shop, loaders: shop.createLoaders() });

export const resolvers = {
  Query: {
    categoryStats: (_parent, _args, context) => context.shop.categoryStats(),
    topProducts: (_parent, choice, context) => context.shop.topProducts(choice),
    searchProducts: (_parent, search, context) => context.shop.searchProducts(search),
    // Read by workload (e): a constant, equal to this project's response.
    cacheStats: () => ({ backend: 'REDIS' }),
  },
  Product: {
    reviews: ({ id }, { limit }, { loaders }) => loaders.productReviews.load({ productId: id, limit }),
  },
  Category: {
    products: ({ id }, { limit }, { loaders }) => loaders.categoryProducts.load({ categoryId: id, limit }),
  },
};

/** A client with default options: automatic pipelining slows these peers down, unlike the plain server. */
export function connectRedis() {
  return new Redis(env.REDIS_URL);
}
