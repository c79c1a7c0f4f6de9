// An alias names a field in the answer: it neither takes the value of the field with that name, nor that of another viewer.
import { describe, expect, it } from 'vitest';
import { ask, engineNames, expectSameAnswers, newEngine } from '../engines.ts';
import { schemaOf, type Context } from './world.ts';

const typeDefs = /* GraphQL */ `
  interface Named {
    name: String!
  }
  type Cat implements Named {
    name: String!
    secret: String!
  }
  type Dog implements Named {
    name: String!
  }
  union Pet = Cat | Dog
  type Query {
    cat(id: Int!): Cat
    pets: [Pet!]!
    secret: String!
  }
`;

const documents = [
  '{ a: cat(id: 1) { name } b: cat(id: 2) { name } }',
  '{ a: cat(id: 2) { name } b: cat(id: 1) { name } }',
  '{ a: cat(id: 1) { name: secret secret: name } cat(id: 1) { name } }',
  '{ secret: cat(id: 1) { name } cat: secret }',
  '{ pets { ... on Named { name } } }',
  '{ pets { type: __typename ... on Cat { secret } name: __typename } }',
  '{ pets { ...N __typename } __typename kind: __typename } fragment N on Named { is: __typename called: name }',
];

describe.each(engineNames)('on %s', (name) => {
  it('every answer is that without a cache, whatever the names in it', async () => {
    const engine = await newEngine(name);
    const [cached, uncached] = [engine, undefined].map((cache) =>
      schemaOf(cache, typeDefs, (wrap) => {
        const cats = [1, 2].map((id) => ({ kind: 'Cat', id, name: `Cat ${id}` }));
        const typeOf = { __resolveType: ({ kind }: { kind: string }) => kind };
        const secret = (parent: unknown, _args: object, { user }: Context): string =>
          `${(parent as { name?: string } | undefined)?.name ?? 'top'} for ${user?.id}`;
        return {
          ...{ Pet: typeOf, Named: typeOf },
          Cat: { secret: wrap(secret, { scope: 'private', parentId: ({ id }: { id: number }) => id }) },
          Query: {
            cat: wrap((_parent, { id }: { id: number }) => cats.find((cat) => cat.id === id) ?? null),
            pets: wrap(() => [...cats, { kind: 'Dog', name: 'Dog' }]),
            secret: wrap(secret, { scope: 'private' }),
          },
        };
      }),
    );
    if (cached === undefined || uncached === undefined) throw new Error('no schema');
    for (const id of ['ann', 'bob', 'ann']) {
      const states = await expectSameAnswers({ cached, uncached }, documents, { user: { id } });
      for (const ofDocument of states) expect(ofDocument).toMatch(/^hit( hit)*$/);
    }
    // Names that no document had: the values are those that were stored under others.
    const { data, states } = await ask(cached, '{ x: cat(id: 2) { y: name z: secret } }', { user: { id: 'bob' } });
    expect([data, states]).toEqual([{ x: { y: 'Cat 2', z: 'Cat 2 for bob' } }, 'hit hit']);
  });
});
