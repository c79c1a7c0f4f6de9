import { setMaxListeners } from 'node:events';
import type { Fetcher } from '@graphiql/toolkit';
import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { sidesOf } from '../../src/console/cache-panel/request/bypass.ts';
import { runLoadTest, type LoadTest } from '../../src/console/cache-panel/load-test/load-test.ts';
import type { Round, Sample, SideRound } from '../../src/console/cache-panel/load-test/rounds.ts';
import { summaryOf } from '../../src/console/cache-panel/load-test/summary.ts';
import type { ReportRow } from '../../src/console/cache-panel/request/report.ts';

const schema = buildSchema('directive @cache(mode: M) on QUERY enum M { BYPASS } type Query { books: Int }');
const sides = sidesOf(
  { query: 'query Q { books }', operationName: 'Q', variables: undefined, headers: undefined },
  schema,
);

type Side = 'database' | 'cache';

/** Runs a load test on a server that responds as `respond` does, and returns all that it published. */
async function run(
  respond: (side: Side) => unknown,
  { rounds = 3, concurrency = 1, stop = new AbortController() } = {},
): Promise<{ published: LoadTest[]; last: LoadTest }> {
  // As many as there are simultaneous requests.
  setMaxListeners(concurrency, stop.signal);
  const published: LoadTest[] = [];
  const fetcher: Fetcher = (({ query }: { query: string }) =>
    respond(query.includes('BYPASS') ? 'database' : 'cache')) as Fetcher;
  const publish = (test: LoadTest): void => void published.push(test);
  await runLoadTest({ fetcher, schema, sides }, { rounds, concurrency, signal: stop.signal, publish });
  const last = published.at(-1);
  if (last === undefined) throw new Error('nothing was published');
  return { published, last };
}

const answer = { data: { books: 1 } };
const withStates = (...states: ReportRow['state'][]) => ({
  ...answer,
  extensions: { cache: { fields: states.map((state) => ({ state, field: 'Query.books' })) } },
});

describe('a load test', () => {
  it('alternates between the sides, with all requests of a round at once', async () => {
    const asked: string[] = [];
    let underWay = 0;
    const { last } = await run(
      async (side) => {
        underWay += 1;
        asked.push(`${side} ${underWay}`);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return answer;
      },
      { rounds: 2, concurrency: 2 },
    );
    const round = ['database 1', 'database 2', 'cache 1', 'cache 2'];
    expect(asked).toEqual([...round, ...round]);
    expect(last).toMatchObject({ state: 'done', planned: 2, concurrency: 2, operationName: 'Q' });
    expect(last.rounds.map(({ database, cache }) => [database.samples.length, cache.samples.length])).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  it('counts hits and misses of the cached side as cacheStats does', async () => {
    let round = 0;
    const { last } = await run((side) => {
      if (side === 'database') return withStates('bypass', 'bypass');
      round += 1;
      return round === 1 ? withStates('miss', 'shared') : withStates('hit', 'refresh');
    });
    expect(summaryOf(last, 'cache', false)).toMatchObject({ hits: 2, misses: 2, hitRate: 50 });
    expect(summaryOf(last, 'database', false)).toMatchObject({ hits: 0, misses: 0, hitRate: undefined });
  });

  it('ends at once when it is stopped, with the rounds that are complete', async () => {
    const stop = new AbortController();
    let asked = 0;
    const { last } = await run(
      () => {
        asked += 1;
        if (asked < 4) return answer;
        stop.abort();
        return new Promise(() => {});
      },
      { rounds: 500, stop },
    );
    expect(asked).toBe(4);
    expect(last).toMatchObject({ state: 'stopped', rounds: [{}], firstError: undefined });
  });

  it('shows progress at most four times a second', async () => {
    const beganMs = performance.now();
    const { published } = await run(() => answer, { rounds: 500 });
    expect(published[0]).toMatchObject({ state: 'running', rounds: [] });
    // One more at the beginning, and one at the end.
    expect(published.length).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 250);
    expect(published.at(-1)?.rounds).toHaveLength(500);
  });
});

describe('errors', () => {
  const error = (message: string) => ({ errors: [{ message }] });

  it('are counted, and the first one is kept', async () => {
    let asked = 0;
    const { last } = await run(
      () => {
        asked += 1;
        return asked % 3 === 0 ? error(`number ${asked}`) : answer;
      },
      { rounds: 6 },
    );
    expect(last).toMatchObject({ state: 'done', firstError: 'number 3' });
    expect([summaryOf(last, 'database', false), summaryOf(last, 'cache', false)]).toMatchObject([
      { requests: 4, errors: 2 },
      { requests: 4, errors: 2 },
    ]);
  });

  it('end the test after five in a row, on either side', async () => {
    let asked = 0;
    const { last } = await run(
      () => {
        asked += 1;
        return asked <= 3 ? answer : error('gone');
      },
      { rounds: 500 },
    );
    expect(asked).toBe(8);
    expect(last).toMatchObject({ state: 'failed', firstError: 'gone' });
  });

  it('end the test after the requests that are under way', async () => {
    let asked = 0;
    const { last } = await run(
      () => {
        asked += 1;
        return error('gone');
      },
      { rounds: 500, concurrency: 20 },
    );
    expect(asked).toBe(20);
    expect(summaryOf(last, 'database', false)).toMatchObject({ requests: 0, errors: 20, p50: undefined });
  });

  it('four in a row do not end it', async () => {
    let asked = 0;
    const { last } = await run(
      () => {
        asked += 1;
        return asked % 5 === 0 ? answer : error('flaky');
      },
      { rounds: 10 },
    );
    expect(last).toMatchObject({ state: 'done', rounds: { length: 10 } });
  });
});

describe('the summary', () => {
  const sample = (ms: number, simulatedMs = 0): Sample => ({ ms, simulatedMs, hits: 0, misses: 0 });
  const sideRound = (samples: Sample[]): SideRound => ({
    samples,
    elapsedMs: Math.max(...samples.map(({ ms }) => ms)),
    errors: 0,
  });
  const testOf = (concurrency: number, ...rounds: Sample[][]): LoadTest => ({
    operationName: undefined,
    planned: rounds.length,
    concurrency,
    rounds: rounds.map((samples): Round => ({ database: sideRound(samples), cache: sideRound([sample(1)]) })),
    firstError: undefined,
    state: 'done',
  });

  it('has percentiles over all requests, and the rate while they were under way', () => {
    const test = testOf(2, [sample(100), sample(200)], [sample(300), sample(50)]);
    expect(summaryOf(test, 'database', false)).toMatchObject({
      p50: 100,
      p95: 300,
      p99: 300,
      requests: 4,
      requestsPerSecond: 8,
    });
  });

  it('leaves simulated latency out of durations and of the rate', () => {
    const test = testOf(2, [sample(350, 300), sample(400, 300)]);
    expect(summaryOf(test, 'database', true)).toMatchObject({ p50: 50, p99: 100, requestsPerSecond: 20 });
    expect(summaryOf(test, 'database', false)).toMatchObject({ p50: 350, requestsPerSecond: 5, simulatedMs: 300 });
  });

  it('claims no rate without simulated latency if requests waited for connections, and so for the latency of others', () => {
    const test = testOf(8, [sample(350, 300)]);
    expect(summaryOf(test, 'database', true).requestsPerSecond).toBeUndefined();
    expect(summaryOf(test, 'database', false).requestsPerSecond).toBeDefined();
    expect(summaryOf(test, 'cache', true).requestsPerSecond).toBeDefined();
  });
});
