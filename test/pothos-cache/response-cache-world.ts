// A schema per test over Redis, whose requests are executed as in a server with a response cache.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import { ResponseCache } from '../../src/pothos-cache/index.ts';
import { advanceUntil, newWorld, tick, type World } from '../cache/world.ts';
import { newBuilder, type RequestContext, type Builder } from './world.ts';

export interface ResponseCacheWorld extends World {
  readonly responseCache: ResponseCache;
  readonly schema: GraphQLSchema;
  /** Returns the response to a request, and whether it came from the response cache. */
  readonly ask: (text: string, context?: RequestContext) => Promise<{ isCached: boolean; body: string }>;
  /** Whether the response to a request is cached after it has been requested often enough to be. */
  readonly becomesCached: (text: string, context?: RequestContext) => Promise<boolean>;
}

/** @param define Adds types and fields to those of `Query.control`, whose response is always cacheable. */
export async function newResponseCacheWorld(
  define: (builder: Builder, world: World) => void,
  {
    wrap = (schema) => schema,
    build = newBuilder,
    bytesMax = 1_000_000,
    ...options
  }: Partial<Parameters<typeof newWorld>[1]> & {
    wrap?: (schema: GraphQLSchema) => GraphQLSchema;
    build?: () => Builder;
    bytesMax?: number;
  } = {},
): Promise<ResponseCacheWorld> {
  const world = await newWorld('redis', { memoryBytesMax: 1_000_000, ...options });
  const { cache, clock } = world;
  const builder = build();
  builder.queryType({});
  builder.queryField('control', (t) => t.string({ cache: { scope: 'public', ttl: '60s' }, resolve: () => 'control' }));
  define(builder, world);
  const schema = wrap(builder.toSchema({ cache: { engine: cache, viewer: ({ viewer }) => viewer } }));
  const responseCache = new ResponseCache({ engine: cache, bytesMax, hasReport: false });

  const ask: ResponseCacheWorld['ask'] = async (text, context = {}) => {
    const cached = await responseCache.get(text);
    if (cached !== undefined) return { isCached: true, body: cached.head + cached.body.toString() };
    const contextValue = { ...context };
    const args = { schema, document: parse(text), contextValue };
    const result = await execute(args);
    const cacheable = responseCache.cacheable(args, result);
    if (cacheable !== undefined) responseCache.set(text, cacheable, { contentType: 'application/json', isGet: false });
    return { isCached: false, body: JSON.stringify(result) };
  };
  const becomesCached: ResponseCacheWorld['becomesCached'] = async (text, context) => {
    await ask(text, context);
    const isControlCached = async (): Promise<boolean> => {
      await advanceUntil(clock, 100, () => cache.memory?.isCoherent !== false);
      await ask(text, context);
      return (await ask('{ control }')).isCached;
    };
    await expect.poll(isControlCached, { interval: 2 }).toBe(true);
    for (let repetition = 0; repetition < 5; repetition += 1) {
      await tick();
      await ask(text, context);
    }
    return (await ask(text, context)).isCached;
  };
  return { ...world, responseCache, schema, ask, becomesCached };
}
