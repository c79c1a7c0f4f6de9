// Scalars whose values are instances, or anything: they are serialized from what the resolver returned, on a miss and on a hit.
import { GraphQLScalarType } from 'graphql';
import { JSONResolver } from 'graphql-scalars';
import { describe, expect, it } from 'vitest';
import { engineNames, expectSameAnswers, newEngine } from '../engines.ts';
import { schemaOf } from './world.ts';

const typeDefs = /* GraphQL */ `
  scalar Day
  scalar Big
  scalar JSON
  type Event {
    day: Day!
    days: [[Day]]
    visitors: Big!
    details: JSON
    names: [String!]!
    id: ID!
    day2: Day!
  }
  type Query {
    events(after: Day, least: Big, like: JSON): [Event!]!
    details: JSON
    visitors: [Big]!
  }
`;

const typeError = (expected: string): never => {
  throw new TypeError(`not a ${expected}`);
};

/** They accept nothing but instances, as the scalars of databases do. */
const scalars = {
  Day: new GraphQLScalarType<Date, string>({
    name: 'Day',
    parseValue: (text) => new Date(String(text)),
    serialize: (value) => (value instanceof Date ? value.toISOString().slice(0, 10) : typeError('Date')),
  }),
  Big: new GraphQLScalarType<bigint, string>({
    name: 'Big',
    parseValue: (text) => BigInt(String(text)),
    serialize: (value) => (typeof value === 'bigint' ? `${value}` : typeError('bigint')),
  }),
  JSON: JSONResolver,
};

const big = 2n ** 64n + 1n;
const details = {
  street: '',
  'a b': [{}, [], null, 0, -1.5e-9],
  $: 'Date',
  $ref: { $: 'bigint', value: '1' },
  toJSON: 1,
};

const documents = [
  '{ events { id day days visitors details names day2 } }',
  '{ events(after: "2026-01-02") { day } }',
  `{ events(least: "${big}") { visitors } other: events(least: "${big - 1n}") { visitors } }`,
  '{ events(like: { a: [1, { b: null }] }) { id } other: events(like: { a: [1, { b: 0 }] }) { id } }',
  '{ details visitors }',
];

describe.each(engineNames)('on %s', (name) => {
  it('each answer is that without a cache', async () => {
    const engine = await newEngine(name);
    const [cached, uncached] = [engine, undefined].map((cache) =>
      schemaOf(cache, typeDefs, (wrap) => ({
        ...scalars,
        Query: {
          events: wrap((_parent, { after, least, like }: { after?: Date; least?: bigint; like?: unknown }) => {
            const day = new Date(after?.getTime() ?? 0);
            const days = [[day, null], null, []];
            const visitors = (least ?? big) * 2n;
            return [{ id: JSON.stringify(like ?? 1), day, days, visitors, details, names: ['a', '', 'ü'], day2: day }];
          }),
          details: wrap(() => details),
          visitors: wrap(() => [0n, -1n, null, big]),
        },
      })),
    );
    if (cached === undefined || uncached === undefined) throw new Error('no schema');
    const states = await expectSameAnswers({ cached, uncached }, documents);
    expect(states).toEqual(['hit', 'hit', 'hit hit', 'hit hit', 'hit hit']);
  });
});
