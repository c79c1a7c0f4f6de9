// What follows from cached values alone, and from nothing else: such answers are for everyone, and are given again.
import { execute, extendSchema, Kind, parse, type DocumentNode, type ExecutionArgs, type GraphQLSchema } from 'graphql';
import { expect, it } from 'vitest';
import { isPure } from '../../src/pothos-cache/pure-operation.ts';
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

/** Whether what is executed is for everyone, once its values are stored: for proxies, and to be given again. */
async function isForEveryone({ cache: engine }: SchemaWorld, args: ExecutionArgs): Promise<boolean[]> {
  const ready = new ResponseCache({ engine, bytesMax: 100_000, hasReport: false });
  await execute({ ...args, contextValue: {} });
  const last = { ...args, contextValue: { viewer: 'bob' } };
  const result = await execute(last);
  const http = httpCachingOf(last, result, JSON.stringify(result.data));
  return [http?.isForEveryone === true, ready.cacheable(last, result) !== undefined];
}

it('an operation that is joined with other fragments is judged with those', async () => {
  const world = await newWorld();
  const [operation] = parse('query A { kept ...F }').definitions;
  if (operation === undefined) throw new Error('no operation');
  const joined = (fragment: string): DocumentNode => ({
    kind: Kind.DOCUMENT,
    definitions: [operation, ...parse(fragment).definitions],
  });
  const { schema } = world;
  const all = (fragment: string): Promise<boolean[]> => isForEveryone(world, { schema, document: joined(fragment) });
  expect(await all('fragment F on Query { kept }')).toEqual([true, true]);
  expect(await all('fragment F on Query { who }')).toEqual([false, false]);
});

it.each<[string, Partial<ExecutionArgs>]>([
  ['a root value', { rootValue: { me: 'bob' } }],
  ['a field resolver', { fieldResolver: () => 'bob' }],
])('what %s gives is for who asks alone', async (_, how) => {
  const world = await newWorld();
  const schema: GraphQLSchema = extendSchema(world.schema, parse('extend type Query { me: String }'));
  const document = parse('{ kept me }');
  expect(await isForEveryone(world, { schema, document, ...how })).toEqual([false, false]);
});

it('a mutation is never pure, also where a cached query has its name', async () => {
  const { schema } = await newSchema((builder) => {
    builder.queryField('kept', (t) => t.int({ cache, resolve: () => 1 }));
    builder.mutationType({ fields: (t) => ({ kept: t.int({ resolve: () => 1 }) }) });
  });
  expect(isPure({ schema, document: parse('{ kept }') })).toBe(true);
  expect(isPure({ schema, document: parse('mutation { kept }') })).toBe(false);
});
