/**
 * Apollo Server with its response cache in Redis. The cache is a few lines on ioredis instead of Keyv, which would wrap
 * every value once more. https://www.apollographql.com/docs/apollo-server/performance/caching
 */
import { env } from 'node:process';
import { ApolloServer } from '@apollo/server';
import responseCache from '@apollo/server-plugin-response-cache';
import { startStandaloneServer } from '@apollo/server/standalone';
import { parse, print, visit } from 'graphql';
import { connectRedis, contextOf, resolvers, ttlSeconds, typeDefs } from './shop.mjs';

const cachedFields = ['categoryStats', 'topProducts', 'searchProducts'];
const declared = `
  enum CacheControlScope { PUBLIC PRIVATE }
  directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean)
    on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
  extend type Category @cacheControl(inheritMaxAge: true)`;
const [hint] = parse(`type T { f: Int @cacheControl(maxAge: ${ttlSeconds}) }`).definitions[0].fields[0].directives;

const hinted = visit(parse(typeDefs), {
  ObjectTypeDefinition(type) {
    if (type.name.value !== 'Query') return false;
    const fields = type.fields.map((field) =>
      cachedFields.includes(field.name.value) ? { ...field, directives: [...field.directives, hint] } : field,
    );
    return { ...type, fields };
  },
});

const redis = connectRedis();
const cache = {
  get: async (key) => (await redis.get(key)) ?? undefined,
  set: async (key, value, options) => void (await redis.set(key, value, 'EX', options?.ttl ?? ttlSeconds)),
  delete: async (key) => (await redis.del(key)) === 1,
};

const server = new ApolloServer({
  typeDefs: print(hinted) + declared,
  resolvers,
  cache,
  plugins: [responseCache()],
  stopOnTerminationSignals: false,
});
await startStandaloneServer(server, {
  listen: { port: Number(env.PORT), host: '127.0.0.1' },
  context: async () => contextOf(),
});
