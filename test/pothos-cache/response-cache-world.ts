// A schema of a test's own over Redis, whose requests are answered as a server does that has ready answers.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import { ResponseCache } from '../../src/pothos-cache/index.ts';
import { advanceUntil, newWorld, turn, type World } from '../cache/world.ts';
import { newBuilder, type Asker, type Builder } from './world.ts';

export interface ReadyWorld extends World {
  readonly ready: ResponseCache;
  readonly schema: GraphQLSchema;
  /** Answers a request, and says whether that was ready. */
  readonly ask: (text: string, context?: Asker) => Promise<{ isReady: boolean; body: string }>;
  /** Whether a request becomes ready once it has been asked often enough for any to be. */
  readonly becomesReady: (text: string, context?: Asker) => Promise<boolean>;
}

/** @param define Adds types and fields beside `Query.control`, which is as cacheable as can be. */
export async function newReadyWorld(
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
): Promise<ReadyWorld> {
  const world = await newWorld('redis', { memoryBytesMax: 1_000_000, ...options });
  const { cache, clock } = world;
  const builder = build();
  builder.queryType({});
  builder.queryField('control', (t) => t.string({ cache: { scope: 'public', ttl: '60s' }, resolve: () => 'control' }));
  define(builder, world);
  const schema = wrap(builder.toSchema({ cache: { engine: cache, viewer: ({ viewer }) => viewer } }));
  const ready = new ResponseCache({ engine: cache, bytesMax, hasReport: false });

  const ask: ReadyWorld['ask'] = async (text, given = {}) => {
    const answer = await ready.get(text);
    if (answer !== undefined) return { isReady: true, body: answer.head + answer.body.toString() };
    const contextValue = { ...given };
    const asked = { schema, document: parse(text), contextValue };
    const result = await execute(asked);
    const repeatable = ready.cacheable(asked, result);
    if (repeatable !== undefined) ready.set(text, repeatable, { contentType: 'application/json', isGet: false });
    return { isReady: false, body: JSON.stringify(result) };
  };
  const becomesReady: ReadyWorld['becomesReady'] = async (text, context) => {
    await ask(text, context);
    const isControlReady = async (): Promise<boolean> => {
      await advanceUntil(clock, 100, () => cache.memory?.isCoherent !== false);
      await ask(text, context);
      return (await ask('{ control }')).isReady;
    };
    await expect.poll(isControlReady, { interval: 2 }).toBe(true);
    for (let again = 0; again < 5; again += 1) {
      await turn();
      await ask(text, context);
    }
    return (await ask(text, context)).isReady;
  };
  return { ...world, ready, schema, ask, becomesReady };
}
