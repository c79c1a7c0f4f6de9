import { expect, it } from 'vitest';
import type { CacheEvent } from '../../src/console/cache-panel/live-cache/cache-snapshot.ts';
import { timelineOf } from '../../src/console/cache-panel/live/timeline.ts';
import { marksOf } from '../../src/console/cache-panel/live/time-axis.ts';
import type { ReportRow } from '../../src/console/cache-panel/request/report.ts';
import { noEntries, withRows } from '../../src/console/cache-panel/request/seen-entries.ts';

const start = 1_700_000_000_000;

function row(key: string, ttlMs: number | null): ReportRow {
  return { path: [key], field: 'Query.books', source: 'database', state: 'miss', durationMs: 1, ttlMs, key };
}

function textsAt(now: number, seen = noEntries, events: readonly CacheEvent[] = []): string[] {
  return timelineOf(events, seen, { now: start + now, clockOffsetMs: 0 }).map(({ text }) => text);
}

it('tells when the TTL of an entry that was seen has ended', () => {
  const seen = withRows(noEntries, [row('books:a', 1_000), row('books:b', null)], start);
  expect(textsAt(999, seen)).toEqual([]);
  expect(textsAt(1_000, seen)).toEqual(['Expired: Query.books (books:a)']);
});

it('keeps an expiry when the value is loaded again', () => {
  const first = withRows(noEntries, [row('books:a', 1_000)], start);
  const again = withRows(first, [row('books:a', 1_000)], start + 1_500);
  expect(textsAt(2_000, again)).toHaveLength(1);
  expect(textsAt(2_500, again)).toHaveLength(2);
});

it('forgets the TTL of an entry that is reported with another one', () => {
  const first = withRows(noEntries, [row('books:a', 1_000)], start);
  const replaced = withRows(first, [row('books:a', 5_000)], start + 500);
  expect(textsAt(2_000, replaced)).toEqual([]);
});

it.each(['FLUSH', 'INVALIDATION', 'STORE_UNAVAILABLE'] as const)(
  'says nothing of the TTL of an entry that a %s may have ended before',
  (kind) => {
    const seen = withRows(noEntries, [row('books:a', 1_000)], start);
    const events = [{ at: start + 500, kind, detail: '' }];
    expect(textsAt(2_000, seen, events)).toHaveLength(1);
    const later = [{ at: start + 1_500, kind, detail: '' }];
    expect(textsAt(2_000, seen, later)).toHaveLength(2);
  },
);

it('shows the newest first, those of the last five minutes, in the time of the server', () => {
  const events: CacheEvent[] = [
    { at: start - 300_001, kind: 'FLUSH', detail: 'old' },
    { at: start - 5_500, kind: 'FLUSH', detail: '6 keys' },
    { at: start - 50, kind: 'CIRCUIT_OPENED', detail: '' },
  ];
  const seen = withRows(noEntries, [row('books:a', 1_000)], start - 5_000);
  const shown = timelineOf(events, seen, { now: start, clockOffsetMs: 3_990 });
  expect(shown.map(({ text }) => text)).toEqual(['Expired: Query.books (books:a)', 'Circuit opened', 'Flush: 6 keys']);
});

it('has one mark for what is too close together, with its symbol if it is of one kind', () => {
  const events: CacheEvent[] = [
    { at: start - 200_000, kind: 'FLUSH', detail: 'a' },
    { at: start - 199_000, kind: 'FLUSH', detail: 'b' },
    { at: start - 100_000, kind: 'FLUSH', detail: 'c' },
    { at: start - 99_000, kind: 'INVALIDATION', detail: 'd' },
    { at: start, kind: 'CIRCUIT_OPENED', detail: 'e' },
  ];
  const timeline = timelineOf(events, noEntries, { now: start, clockOffsetMs: 0 });
  expect(marksOf(timeline, start).map(({ symbol, text }) => [symbol, text])).toEqual([
    ['O', 'Circuit opened: e'],
    ['2', 'Invalidation: d\nFlush: c'],
    ['F', 'Flush: b\nFlush: a'],
  ]);
});
