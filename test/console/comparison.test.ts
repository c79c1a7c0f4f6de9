import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { sidesOf } from '../../src/console/cache-panel/request/bypass.ts';
import { compareSides } from '../../src/console/cache-panel/compare/comparison.ts';
import { fieldTimesOf } from '../../src/console/cache-panel/compare/field-times.ts';
import { verdictOf } from '../../src/console/cache-panel/compare/verdict.ts';
import type { ReportRow } from '../../src/console/cache-panel/request/report.ts';

function row(state: ReportRow['state'], more: Partial<ReportRow> = {}): ReportRow {
  const source = state === 'hit' || state === 'stale' ? 'cache' : 'database';
  return { path: ['books'], field: 'Query.books', source, state, durationMs: 1, key: 'k', ...more };
}

const database = [row('bypass')];

describe('the verdict', () => {
  it.each([['miss'], ['shared'], ['refresh']] as const)('on a cached side with a %s is a first run', (state) => {
    expect(verdictOf([row('hit'), row(state)])).toEqual({ kind: 'first-run', fields: 2, missed: 1, notStored: [] });
  });

  it('on hits alone is a comparison', () => {
    expect(verdictOf([row('hit'), row('stale')])).toMatchObject({ kind: 'compared', missed: 0 });
  });

  it('without a cached field is that nothing is cached', () => {
    expect(verdictOf([])).toMatchObject({ kind: 'uncached', fields: 0 });
  });

  it('on fields that this request may not share is that nothing is cached, with the reason, once', () => {
    const own = row('bypass', { notStored: 'private, and the viewer is not known' });
    expect(verdictOf([own, own])).toEqual({
      kind: 'uncached',
      fields: 2,
      missed: 0,
      notStored: ['Query.books: private, and the viewer is not known'],
    });
    expect(verdictOf([own, row('hit')])).toMatchObject({ kind: 'compared' });
  });
});

describe('the times of fields', () => {
  it('are paired by their paths in the response, in its order', () => {
    const rows = (state: ReportRow['state'], ms: number): ReportRow[] => [
      row(state, { path: ['b'], durationMs: ms }),
      row(state, { path: ['a', 0, 'reviews'], durationMs: ms + 1 }),
    ];
    const times = fieldTimesOf({ database: rows('bypass', 10), cache: rows('hit', 1).toReversed() }, new Map());
    expect(times.map(({ path, database: one, cache: two }) => [path, one?.ms, two?.ms])).toEqual([
      ['b', 10, 1],
      ['a[0].reviews', 11, 2],
    ]);
  });

  it('include those that ran on one side alone', () => {
    const times = fieldTimesOf({ database, cache: [row('hit', { path: ['other'] })] }, new Map());
    expect(times.map(({ path, database: one, cache: two }) => [path, one?.ms, two?.ms])).toEqual([
      ['books', 1, undefined],
      ['other', undefined, 1],
    ]);
  });

  it('know which part of them is simulated', () => {
    const [times] = fieldTimesOf({ database, cache: [row('hit')] }, new Map([['Query.books', 300]]));
    expect([times?.database?.simulatedMs, times?.cache?.simulatedMs]).toEqual([300, 0]);
  });
});

it('the database is asked first, and with the same variables and headers', async () => {
  const asked: unknown[] = [];
  const schema = buildSchema('directive @cache(mode: M) on QUERY enum M { BYPASS } type Query { books(a: Int): Int }');
  const operation = {
    query: 'query Q($a: Int) { books(a: $a) }',
    operationName: 'Q',
    variables: { a: 1 },
    headers: { x: 'y' },
  };
  const comparison = await compareSides(
    {
      fetcher: (params, options) => {
        asked.push([params.query.includes('BYPASS'), params.variables, params.operationName, options?.headers]);
        return { data: { books: asked.length } };
      },
      schema,
      sides: sidesOf(operation, schema),
    },
    { signal: new AbortController().signal, onSide: (side) => void asked.push(side) },
  );
  expect(asked).toEqual(['database', [true, { a: 1 }, 'Q', { x: 'y' }], 'cache', [false, { a: 1 }, 'Q', { x: 'y' }]]);
  expect(comparison.differences).toEqual([{ path: 'books', database: 2, cache: 4 }]);
});
