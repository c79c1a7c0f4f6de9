import { GraphQLError } from 'graphql';
import { builder, type ShopContext } from './builder.ts';
import { consoleOf, consoleOnly } from './console-only.ts';
import type { PrivateRedis } from './self-starting-redis.ts';

builder.mutationFields((t) => ({
  stopRedis: t.boolean({
    description:
      'Stops the private Redis of `npm start`, if it runs. What it holds is lost. It starts by itself after a minute.',
    extensions: consoleOnly,
    resolve: (_parent, _args, context) => done(privateRedisOf(context).stop()),
  }),
  startRedis: t.boolean({
    description: 'Starts it again, empty, unless it runs. The cache connects to it within about a second.',
    extensions: consoleOnly,
    resolve: (_parent, _args, context) => done(privateRedisOf(context).start()),
  }),
}));

/** @throws {GraphQLError} `NO_PRIVATE_REDIS` */
function privateRedisOf(context: ShopContext): PrivateRedis {
  const { privateRedis } = consoleOf(context);
  if (privateRedis !== undefined) return privateRedis;
  const message = 'Only a Redis that npm start has started for itself can be stopped and started.';
  throw new GraphQLError(message, { extensions: { code: 'NO_PRIVATE_REDIS' } });
}

/** @throws {GraphQLError} `REDIS_FAILED`, with the reason. */
async function done(call: Promise<void>): Promise<true> {
  try {
    await call;
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GraphQLError(`Redis: ${reason}`, { extensions: { code: 'REDIS_FAILED' } });
  }
}
