// @defer and @stream: each part of a response is what it would be without a cache, and only what succeeded is kept.
import { describe, expect, it } from 'vitest';
import { engineNames, newEngine } from '../engines.ts';
import { schemaOf, serverOf, type Context } from './world.ts';

const typeDefs = /* GraphQL */ `
  type User {
    name: String!
    posts: [String!]
    drafts: [String!]
  }
  type Query {
    user: User
    feed: [String!]!
  }
  type Mutation {
    rename(name: String!): User
  }
`;

describe.each(engineNames)('on %s', (name) => {
  it('a deferred part that failed is loaded again, and the parts beside it are kept', async () => {
    const loads = { user: 0, posts: 0 };
    const engine = await newEngine(name);
    const send = serverOf(
      schemaOf(engine, typeDefs, (cached) => ({
        Query: { user: cached(() => ({ name: `Ann ${(loads.user += 1)}` })) },
        User: {
          posts: cached(
            () => {
              loads.posts += 1;
              if (loads.posts < 3) throw new Error('no posts');
              return ['First'];
            },
            { parentId: () => 1 },
          ),
        },
      })),
    );
    const query = '{ user { name ... @defer { posts } } }';
    for (const posts of [1, 2]) {
      const text = await send({ query });
      expect(text).toContain('{"data":{"user":{"name":"Ann 1"}},"hasNext":true}');
      expect(text).toContain('"message":"no posts"');
      expect(loads).toEqual({ user: 1, posts });
    }
    for (const _ of ['miss', 'hit']) expect(await send({ query })).toContain('"data":{"posts":["First"]}');
    expect(loads).toEqual({ user: 1, posts: 3 });
    expect(JSON.parse(await send({ query: '{ user { name posts } }' }))).toEqual({
      data: { user: { name: 'Ann 1', posts: ['First'] } },
    });
    expect(loads).toEqual({ user: 1, posts: 3 });
  });

  it('a deferred part is that of its viewer', async () => {
    const engine = await newEngine(name);
    const send = serverOf(
      schemaOf(engine, typeDefs, (cached) => ({
        Query: { user: cached(() => ({ name: 'Ann' })) },
        User: {
          drafts: cached((_parent, _args, { user }: Context) => [`draft of ${user?.id ?? 'nobody'}`], {
            scope: 'private',
            parentId: () => 1,
          }),
        },
      })),
    );
    const query = '{ user { ... @defer { drafts } } }';
    for (const _ of ['miss', 'hit']) {
      const users = ['ann', 'bob', undefined];
      const texts = await Promise.all(users.map((user) => send({ query }, user)));
      expect(texts.map((text) => /draft of \w+/.exec(text)?.[0])).toEqual([
        'draft of ann',
        'draft of bob',
        'draft of nobody',
      ]);
    }
  });

  it('after a mutation whose payload is deferred, its parts and the next answer are new', async () => {
    const engine = await newEngine(name);
    let current = 'Ann';
    const send = serverOf(
      schemaOf(engine, typeDefs, (cached) => ({
        Query: { user: cached(() => ({ name: current }), { tags: ['users'] }) },
        User: { posts: cached(() => [`by ${current}`], { parentId: () => 1, tags: ['users'] }) },
        Mutation: {
          rename: async (_parent: unknown, args: { name: string }) => {
            current = args.name;
            await engine.invalidate(['users']);
            return { name: current };
          },
        },
      })),
    );
    const query = '{ user { name posts } }';
    for (const _ of ['miss', 'hit'])
      expect(JSON.parse(await send({ query }))).toEqual({ data: { user: { name: 'Ann', posts: ['by Ann'] } } });
    const text = await send({ query: 'mutation { rename(name: "Bea") { name ... @defer { posts } } }' });
    expect(text).toContain('"data":{"posts":["by Bea"]}');
    expect(JSON.parse(await send({ query }))).toEqual({ data: { user: { name: 'Bea', posts: ['by Bea'] } } });
  });

  it('a list that is generated item by item reaches every request in full, and is not stored', async () => {
    const engine = await newEngine(name);
    const refusals: unknown[] = [];
    engine.on((event) => void (event.type === 'write-refused' && refusals.push(event.what)));
    const send = serverOf(
      schemaOf(engine, typeDefs, (cached) => ({
        Query: {
          feed: cached(async function* feed() {
            yield 'a';
            await Promise.resolve();
            yield 'b';
          }),
        },
      })),
    );
    const plain = '{"data":{"feed":["a","b"]}}';
    const atOnce = await Promise.all([1, 2, 3].map(() => send({ query: '{ feed }' })));
    expect([...atOnce, await send({ query: '{ feed }' })]).toEqual([plain, plain, plain, plain]);
    for (const _ of [1, 2]) {
      const text = await send({ query: '{ feed @stream }' });
      const items = [...text.matchAll(/"items":(\[[^\]]*\])/g)].flatMap(
        ([, list = '[]']) => JSON.parse(list) as string[],
      );
      expect(items).toEqual(['a', 'b']);
    }
    expect(new Set(refusals)).toEqual(new Set(['iterator']));
  });
});
