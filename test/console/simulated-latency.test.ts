import type { Fetcher } from '@graphiql/toolkit';
import { buildSchema, graphql, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Report, ReportRow } from '../../src/console/cache-panel/request/report.ts';
import {
  readSimulatedLatency,
  simulatedMsIn,
  withoutSimulated,
} from '../../src/console/cache-panel/request/simulated-latency.ts';

const offering = buildSchema(`
  type Query { console: Settings! }
  type Settings { simulatedLatency: [Latency!]! }
  type Latency { field: String! ms: Int! }
`);
const rows = [
  { field: 'Query.books', ms: 300 },
  { field: 'Query.authors', ms: 250 },
];

/** A fetcher that executes on `schema`, and counts its requests. */
function executing(schema: GraphQLSchema, rootValue: unknown): { fetcher: Fetcher; requests: () => number } {
  let requests = 0;
  const fetcher: Fetcher = async ({ query }) => {
    requests += 1;
    return await graphql({ schema, source: query, rootValue });
  };
  return { fetcher, requests: () => requests };
}

const settings = { schema: offering, headers: undefined };

describe('the latency that a server simulates', () => {
  it('is asked for once', async () => {
    const { fetcher, requests } = executing(offering, { console: { simulatedLatency: rows } });
    const [first, second] = await Promise.all([
      readSimulatedLatency(fetcher, settings),
      readSimulatedLatency(fetcher, settings),
    ]);
    expect(Object.fromEntries(first)).toEqual({ 'Query.books': 300, 'Query.authors': 250 });
    expect(second).toBe(first);
    await readSimulatedLatency(fetcher, settings);
    expect(requests()).toBe(1);
  });

  it.each([
    ['has no settings', buildSchema('type Query { books: Int }')],
    ['has other settings', buildSchema('type Query { console: Settings } type Settings { theme: Int }')],
    ['has a console that is no object', buildSchema('type Query { console: String }')],
    ['is not known yet', null],
  ])('is none on a server that %s, which is not asked', async (_server, schema) => {
    const { fetcher, requests } = executing(offering, {});
    expect((await readSimulatedLatency(fetcher, { schema, headers: undefined })).size).toBe(0);
    expect(requests()).toBe(0);
  });

  it('is none while the server rejects the query, and asked for again', async () => {
    const root: { console?: unknown } = {};
    const { fetcher, requests } = executing(offering, root);
    expect((await readSimulatedLatency(fetcher, settings)).size).toBe(0);
    root.console = { simulatedLatency: rows };
    expect((await readSimulatedLatency(fetcher, settings)).size).toBe(2);
    expect(requests()).toBe(2);
  });

  it('is not waited for after an abort', async () => {
    const stop = new AbortController();
    const fetcher: Fetcher = () => new Promise(() => {});
    const reading = readSimulatedLatency(fetcher, { ...settings, signal: stop.signal });
    stop.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the simulated part of a request', () => {
  const latency = new Map(rows.map(({ field, ms }) => [field, ms]));
  const report = (...fields: Partial<ReportRow>[]): Report => ({ fields: fields as ReportRow[], more: 0 });

  it('is that of its slowest field, since root fields run at the same time', () => {
    const [authors, books] = ['Query.authors', 'Query.books'].map(
      (field) => ({ field, source: 'database', state: 'bypass' }) as const,
    );
    expect(simulatedMsIn(report(authors ?? {}, books ?? {}, authors ?? {}), latency)).toBe(300);
    expect(simulatedMsIn(report(authors ?? {}), latency)).toBe(250);
  });

  it.each([
    ['a hit', { field: 'Query.books', source: 'cache', state: 'hit' }],
    ['a load that another request had begun', { field: 'Query.books', source: 'database', state: 'shared' }],
    ['another field', { field: 'Query.other', source: 'database', state: 'miss' }],
  ] as const)('is nothing for %s', (_kind, row) => {
    expect(simulatedMsIn(report(row), latency)).toBe(0);
    expect(simulatedMsIn(undefined, latency)).toBe(0);
  });

  it('never leaves less than nothing', () => {
    expect(withoutSimulated(310, 300)).toBe(10);
    expect(withoutSimulated(299.6, 300)).toBe(0);
  });
});
