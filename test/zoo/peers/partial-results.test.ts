// Errors beside data: no error is kept in the place of a value, and no answer that contains one is kept as a whole.
import { ResponseCache } from 'cachepot/graphql';
import { execute, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ask, engineNames, expectSameAnswers, newEngine } from '../engines.ts';
import { schemaOf } from './world.ts';

const typeDefs = /* GraphQL */ `
  type Row {
    id: Int!
    name: String
    strict: String!
  }
  type Query {
    rows: [Row]!
    strictRows: [Row!]
    required: String!
    items: [Int!]
    number: Int
    well: String!
  }
`;

describe.each(engineNames)('on %s', (name) => {
  it('an item or a child that fails is answered as without a cache, and loaded again; what is beside it is a hit', async () => {
    const engine = await newEngine(name);
    const failing = new Set([2]);
    const [cached, uncached] = [engine, undefined].map((cache) =>
      schemaOf(cache, typeDefs, (wrap) => {
        const child = ({ id }: { id: number }): string => {
          if (failing.has(id)) throw new Error(`row ${id} failed`);
          return `row ${id}`;
        };
        const ofParent = { parentId: ({ id }: { id: number }) => id };
        const rows = wrap(() => [{ id: 1 }, { id: 2 }, { id: 3 }]);
        return {
          Row: { name: wrap(child, ofParent), strict: wrap(child, ofParent) },
          Query: { rows, strictRows: rows, well: wrap(() => 'well') },
        };
      }),
    );
    const schemas = bothOf(cached, uncached);
    const documents = ['{ rows { id name } well }', '{ rows { strict } well }', '{ strictRows { strict } well }'];
    await expectSameAnswers(schemas, documents);
    // The report has a row for each value, and none for what failed.
    expect((await ask(schemas.cached, '{ rows { name } well }')).states).toBe('hit hit hit hit');
    failing.clear();
    expect(await ask(schemas.cached, '{ rows { name } well }')).toMatchObject({
      data: { rows: [{ name: 'row 1' }, { name: 'row 2' }, { name: 'row 3' }], well: 'well' },
      errors: [],
    });
    await expectSameAnswers(schemas, documents);
  });

  it('a value that its type rejects is answered as without a cache, and is a value: until it is invalidated', async () => {
    const engine = await newEngine(name);
    let isWell = false;
    const [cached, uncached] = [engine, undefined].map((cache) =>
      schemaOf(cache, typeDefs, (wrap) => {
        const tags = { tags: ['rows'] };
        return {
          Query: {
            required: wrap(() => (isWell ? 'well' : null), tags),
            items: wrap(() => (isWell ? [1] : [1, null]), tags),
            number: wrap(() => (isWell ? 1 : 'one'), tags),
            strictRows: wrap(() => (isWell ? [] : [null]), tags),
          },
        };
      }),
    );
    const schemas = bothOf(cached, uncached);
    const documents = ['{ required }', '{ items }', '{ number }', '{ strictRows { id } }'];
    for (const answersWell of [false, true]) {
      isWell = answersWell;
      await engine.invalidate(['rows']);
      expect(await expectSameAnswers(schemas, documents)).toEqual(documents.map(() => 'hit'));
    }
  });

  it('with nullTtl: null, null is not kept where the type allows none, nor anywhere else', async () => {
    const engine = await newEngine(name);
    let loads = 0;
    const schema = schemaOf(engine, typeDefs, (cached) => ({
      Query: { required: cached(() => ((loads += 1) < 3 ? null : 'well'), { nullTtl: null }) },
    }));
    for (const _ of [1, 2])
      expect((await ask(schema, '{ required }')).errors).toEqual([
        'Cannot return null for non-nullable field Query.required.',
      ]);
    for (const state of ['miss', 'hit'])
      expect(await ask(schema, '{ required }')).toMatchObject({ data: { required: 'well' }, states: state });
  });

  it('a response with an error is not kept as a whole, even if all of its values are hits', async () => {
    const engine = await newEngine(name);
    const schema = schemaOf(engine, typeDefs, (cached) => ({
      Query: { number: cached(() => 'one'), well: cached(() => 'well') },
    }));
    const responses = new ResponseCache({ engine, bytesMax: 100_000, hasReport: false });
    const isKept = async (text: string): Promise<boolean> => {
      const args = { schema, document: parse(text), contextValue: {} };
      return responses.cacheable(args, await execute(args)) !== undefined;
    };
    for (const _ of ['miss', 'hit']) expect(await isKept('{ number well }')).toBe(false);
    expect(await isKept('{ well }')).toBe(true);
  });
});

function bothOf(
  cached: GraphQLSchema | undefined,
  uncached: GraphQLSchema | undefined,
): { cached: GraphQLSchema; uncached: GraphQLSchema } {
  if (cached === undefined || uncached === undefined) throw new Error('two schemas');
  return { cached, uncached };
}
