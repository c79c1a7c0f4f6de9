import { describe, expect, it } from 'vitest';
import type { CacheEvent, CacheSnapshot } from '../../src/console/cache-panel/live-cache/cache-snapshot.ts';
import { chartLinesOf, topOf } from '../../src/console/cache-panel/live/chart-lines.ts';
import {
  emptyHistory,
  historyMs,
  connectedPeriodsOf,
  withGap,
  withSnapshot,
  type History,
} from '../../src/console/cache-panel/live-cache/history.ts';

/** A multiple of five seconds, as the buckets are. */
const start = 1_700_000_000_000;

function snapshot(at: number, figures: Partial<CacheSnapshot> = {}): CacheSnapshot {
  return {
    at: start + at,
    hits: 0,
    misses: 0,
    loads: 0,
    keys: 0,
    memoryUsed: 0,
    backend: 'REDIS',
    isStoreAvailable: true,
    isCircuitOpen: false,
    events: [],
    ...figures,
  };
}

function historyOf(...snapshots: CacheSnapshot[]): History {
  return snapshots.reduce(withSnapshot, emptyHistory);
}

function event(at: number, kind: CacheEvent['kind'], detail = ''): CacheEvent {
  return { at: start + at, kind, detail };
}

describe('the history', () => {
  it('keeps an event once that the server repeats after a lost connection', () => {
    const flush = event(10, 'FLUSH', '6 keys');
    const { events } = historyOf(
      snapshot(20, { events: [flush] }),
      snapshot(30, { events: [flush, event(25, 'INVALIDATION')] }),
    );
    expect(events.map(({ kind }) => kind)).toEqual(['FLUSH', 'INVALIDATION']);
  });

  it('forgets what is older than five minutes, except for the figures that held at their beginning', () => {
    const { samples, events } = historyOf(
      snapshot(0, { keys: 1, events: [event(0, 'FLUSH')] }),
      snapshot(1_000, { keys: 2 }),
      snapshot(historyMs + 2_000, { keys: 3 }),
    );
    expect(samples.map(({ figures }) => figures?.keys)).toEqual([2, 3]);
    expect(events).toEqual([]);
  });

  it('knows nothing from a lost connection to the next snapshot', () => {
    const lost = withGap(historyOf(snapshot(0)), start + 5_000);
    expect(withGap(lost, start + 9_000)).toBe(lost);
    const again = withSnapshot(lost, snapshot(20_000));
    expect(connectedPeriodsOf(again, start + 30_000).map(({ samples, endMs }) => [samples[0]?.at, endMs])).toEqual([
      [start, start + 5_000],
      [start + 20_000, start + 30_000],
    ]);
  });
});

describe('the lines', () => {
  it('count requests and loads in the five seconds in which they were made', () => {
    const history = historyOf(
      snapshot(0, { hits: 10, misses: 5, loads: 5 }),
      snapshot(1_000, { hits: 13, misses: 6, loads: 6 }),
      snapshot(12_000, { hits: 13, misses: 8, loads: 8 }),
    );
    const { hitRate, loadsPerSecond } = chartLinesOf(history, start + 13_000);
    expect(hitRate).toEqual([
      [
        { at: start + 5_000, value: 75 },
        { at: start + 13_000, value: 0 },
      ],
    ]);
    expect(loadsPerSecond[0]?.map(({ value }) => value)).toEqual([0.2, 0, 0.4]);
  });

  it('do not count what a restarted server has forgotten', () => {
    const history = historyOf(snapshot(0, { hits: 100, loads: 9 }), snapshot(1_000, { hits: 1, loads: 1 }));
    const { hitRate, loadsPerSecond } = chartLinesOf(history, start + 2_000);
    expect(hitRate).toEqual([[]]);
    expect(loadsPerSecond[0]?.map(({ value }) => value)).toEqual([0]);
  });

  it('hold a figure until the next one, and break where it is not known', () => {
    const history = historyOf(snapshot(0, { keys: 3 }), snapshot(4_000, { keys: null }), snapshot(6_000, { keys: 1 }));
    const { keys } = chartLinesOf(history, start + 9_000);
    expect(keys.map((part) => part.map(({ at, value }) => [at - start, value]))).toEqual([
      [
        [0, 3],
        [4_000, 3],
      ],
      [
        [6_000, 1],
        [9_000, 1],
      ],
    ]);
  });
});

it.each([
  [[7], 1, 10],
  [[1], 1, 1],
  [[], 10, 10],
  [[11], 10, 20],
  [[230], 10, 500],
])('scales a chart of %j, at least %d, up to %d', (values, min, top) => {
  expect(topOf([values.map((value) => ({ at: 0, value }))], min)).toBe(top);
});
