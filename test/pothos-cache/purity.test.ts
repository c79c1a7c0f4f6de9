// Which results follow from cached values alone: only those are the same for every viewer and may be reused.
import { execute, extendSchema, Kind, parse, type DocumentNode, type ExecutionArgs, type GraphQLSchema } from 'graphql';
import { expect, it } from 'vitest';
import { isPure } from '../../src/graphql-cache/pure-operation.ts';
import { httpCachingOf, ResponseCache } from '../../src/pothos-cache/index.ts';
import { newSchema, type SchemaWorld } from './world.ts';

const cache = { scope: 'public', ttl: '60s', http: '30s' } as const;

function newWorld(): Promise<SchemaWorld> {
  return newSchema((builder) => {
    builder.queryFields((t) => ({
      kept: t.int({ cache, resolve: () => 1 }),
      who: t.string({ resolve: (_root, _args, { viewer }) => `${viewer}` }),
    }));
  });
}

/** Whether the result, once its values are stored, is for every viewer: in HTTP caching, and in the response cache. */
async function isForEveryone({ cache: engine }: SchemaWorld, args: ExecutionArgs): Promise<boolean[]> {
  const responseCache = new ResponseCache({ engine, bytesMax: 100_000, hasReport: false });
  await execute({ ...args, contextValue: {} });
  const last = { ...args, contextValue: { viewer: 'bob' } };
  const result = await execute(last);
  const http = httpCachingOf(last, result, JSON.stringify(result.data));
  return [http?.isForEveryone === true, responseCache.cacheable(last, result) !== undefined];
}

it('evaluates one operation separately for each document that combines it with other fragments', async () => {
  const world = await newWorld();
  const [operation] = parse('query A { kept ...F }').definitions;
  if (operation === undefined) throw new Error('no operation');
  const documentWith = (fragment: string): DocumentNode => ({
    kind: Kind.DOCUMENT,
    definitions: [operation, ...parse(fragment).definitions],
  });
  const { schema } = world;
  const isForEveryoneWith = (fragment: string): Promise<boolean[]> =>
    isForEveryone(world, { schema, document: documentWith(fragment) });
  expect(await isForEveryoneWith('fragment F on Query { kept }')).toEqual([true, true]);
  expect(await isForEveryoneWith('fragment F on Query { who }')).toEqual([false, false]);
});

it.each<[string, Partial<ExecutionArgs>]>([
  ['a root value', { rootValue: { me: 'bob' } }],
  ['a field resolver', { fieldResolver: () => 'bob' }],
])('does not treat the result as one for every viewer if the execution has %s', async (_, more) => {
  const world = await newWorld();
  const schema: GraphQLSchema = extendSchema(world.schema, parse('extend type Query { me: String }'));
  const document = parse('{ kept me }');
  expect(await isForEveryone(world, { schema, document, ...more })).toEqual([false, false]);
});

it('does not treat a mutation as pure, even if a cached query field has the same name', async () => {
  const { schema } = await newSchema((builder) => {
    builder.queryField('kept', (t) => t.int({ cache, resolve: () => 1 }));
    builder.mutationType({ fields: (t) => ({ kept: t.int({ resolve: () => 1 }) }) });
  });
  expect(isPure({ schema, document: parse('{ kept }') })).toBe(true);
  expect(isPure({ schema, document: parse('mutation { kept }') })).toBe(false);
});
