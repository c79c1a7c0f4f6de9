import { describe, expect, it } from 'vitest';
import type { Report, ReportRow } from '../../src/console/cache-panel/request/report.ts';
import { simulatedMsIn, withoutSimulated } from '../../src/console/cache-panel/request/simulated-latency.ts';

const rows = [
  { field: 'Query.books', ms: 300 },
  { field: 'Query.authors', ms: 250 },
];

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
