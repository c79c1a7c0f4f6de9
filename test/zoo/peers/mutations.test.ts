// What a mutation changes is loaded again, and nothing else.
import type { Cache } from 'cachepot/cache';
import type { GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ask, engineNames, newEngine } from '../engines.ts';
import { schemaOf } from './world.ts';

const typeDefs = /* GraphQL */ `
  type User {
    name: String!
    broken: String!
  }
  type Query {
    user(id: Int!): User
    users: [User!]!
    comments: [String!]!
  }
  type Mutation {
    write(tags: [String!]!): User
  }
`;

/** Every value contains the number of writes before it was loaded. */
function newSchema(engine: Cache): GraphQLSchema {
  let writes = 0;
  const user = (): object => ({ name: `${writes}` });
  return schemaOf(engine, typeDefs, (cached) => ({
    Query: {
      user: cached(user, { tags: (_parent, { id }: { id: number }) => [`users:${id}`] }),
      users: cached(() => [user(), user()], { tags: ['users'] }),
      comments: cached(() => [`${writes}`], { tags: ['comments'] }),
    },
    User: { broken: () => Promise.reject(new Error('out of order')) },
    Mutation: {
      write: async (_parent: unknown, { tags }: { tags: string[] }) => {
        writes += 1;
        await engine.invalidate(tags);
        return user();
      },
    },
  }));
}

const document = '{ one: user(id: 1) { name } two: user(id: 2) { name } users { name } comments }';
const answer = (one: string, two: string, users: string, comments: string): object => ({
  ...{ one: { name: one }, two: { name: two } },
  ...{ users: [{ name: users }, { name: users }], comments: [comments] },
});

describe.each(engineNames)('on %s', (name) => {
  it.each<[string, readonly string[], object]>([
    ['a row: itself and lists that may contain it', ['users:1'], answer('1', '0', '1', '0')],
    ['a type: all of its rows and lists', ['users'], answer('1', '1', '1', '0')],
    ['two rows of different types', ['users:2', 'comments:1'], answer('0', '1', '1', '1')],
    ['a row that nothing depends on by itself', ['users:9'], answer('0', '0', '1', '0')],
    ['a type that nothing depends on', ['orders'], answer('0', '0', '0', '0')],
    ['nothing', [], answer('0', '0', '0', '0')],
  ])('a mutation that invalidates %s', async (_title, tags, expected) => {
    const schema = newSchema(await newEngine(name));
    for (const state of ['miss', 'hit']) {
      const { data, states } = await ask(schema, document);
      expect([data, states]).toEqual([answer('0', '0', '0', '0'), `${state} ${state} ${state} ${state}`]);
    }
    const list = JSON.stringify(tags);
    expect((await ask(schema, `mutation { write(tags: ${list}) { name } }`)).data).toEqual({ write: { name: '1' } });
    expect((await ask(schema, document)).data).toEqual(expected);
    expect((await ask(schema, document)).states).toBe('hit hit hit hit');
  });

  it('has done so even if the rest of its answer is an error', async () => {
    const schema = newSchema(await newEngine(name));
    await ask(schema, document);
    const { data, errors } = await ask(schema, 'mutation { write(tags: ["users", "comments"]) { name broken } }');
    expect([data, errors]).toEqual([{ write: null }, ['out of order']]);
    expect((await ask(schema, document)).data).toEqual(answer('1', '1', '1', '1'));
  });
});
