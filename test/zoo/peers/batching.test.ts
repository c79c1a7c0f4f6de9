// The operations of an HTTP batch run at the same time, here while nothing is cached yet. (`yoga.test.ts` has those that are hits.)
import { describe, expect, it } from 'vitest';
import { engineNames, newEngine } from '../engines.ts';
import { schemaOf, serverOf, type Context } from './world.ts';

const typeDefs = /* GraphQL */ `
  type Query {
    a: String!
    b(id: Int): String!
    mine: String!
    failing: String
  }
  type Mutation {
    write: String
  }
`;
const sameText = 'query A($id: Int) { b(id: $id) } query B { mine a }';
const batch = [
  { query: '{ a b }' },
  { query: '{ b a mine }' },
  { query: '{ b: a a: b }' },
  { query: sameText, operationName: 'A', variables: { id: 1 } },
  { query: sameText, operationName: 'A', variables: { id: 2 } },
  { query: sameText, operationName: 'B' },
  { query: '{ a failing }' },
  { query: '{ unknown }' },
];

describe.each(engineNames)('on %s', (name) => {
  it('a batch of misses has the answer of each operation, in order, and loads each value once', async () => {
    const engine = await newEngine(name);
    const loads: string[] = [];
    const [send, plain] = [engine, undefined].map((cache) => {
      const load = (what: string): string => {
        if (cache !== undefined) loads.push(what);
        return what;
      };
      return serverOf(
        schemaOf(cache, typeDefs, (cached) => ({
          Query: {
            a: cached(async () => load('a')),
            b: cached(async (_parent, { id }: { id?: number }) => load(`b ${id ?? 'none'}`)),
            mine: cached(async (_parent, _args, { user }: Context) => load(`${user?.id}’s`), { scope: 'private' }),
            failing: cached(async () => Promise.reject(new Error(load('failed')))),
          },
        })),
      );
    });
    for (const user of ['ann', 'bob']) expect(await send?.(batch, user)).toBe(await plain?.(batch, user));
    const once = ['a', 'b none', 'b 1', 'b 2', 'ann’s', 'bob’s'];
    expect(loads.toSorted()).toEqual([...once, 'failed', 'failed'].toSorted());
  });

  it('after a batch with a mutation, no operation of it has left an older value behind', async () => {
    const engine = await newEngine(name);
    let writes = 0;
    const send = serverOf(
      schemaOf(engine, typeDefs, (cached) => ({
        Query: { a: cached(async () => `after ${writes}`, { tags: ['a'] }) },
        Mutation: {
          write: async () => {
            writes += 1;
            await engine.invalidate(['a']);
            return 'written';
          },
        },
      })),
    );
    for (const count of [1, 2, 3, 4, 5]) {
      await send([{ query: '{ a }' }, { query: 'mutation { write }' }, { query: '{ a }' }, { query: '{ b: a }' }]);
      expect(JSON.parse(await send({ query: '{ a }' }))).toEqual({ data: { a: `after ${count}` } });
    }
  });
});
