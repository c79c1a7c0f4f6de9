// What is known of the last five minutes of a cache.
import { describe, expect, it } from 'vitest';
import { CacheHistory } from '../../schema/cache-history.ts';
import type { CacheEvent, CacheListener } from '../../src/cache/index.ts';
import { newWorld as newCacheWorld, TestClock, times } from '../cache/world.ts';

interface World {
  readonly clock: TestClock;
  readonly history: CacheHistory;
  /** Emits events as a cache does. */
  readonly emit: (...events: CacheEvent[]) => void;
  /** Kind and detail of each event. */
  readonly lines: (sinceMs?: number) => string[];
}

function newWorld(): World {
  const clock = new TestClock();
  clock.advance(1_000_000);
  const listeners: CacheListener[] = [];
  const on = (listener: CacheListener): (() => void) => {
    listeners.push(listener);
    return () => {};
  };
  const history = new CacheHistory({ on }, clock);
  return {
    clock,
    history,
    emit: (...events) => {
      for (const event of events) for (const listener of listeners) listener(event);
    },
    lines: (sinceMs) => history.eventsAfter(sinceMs).map(({ kind, detail }) => `${kind}: ${detail}`),
  };
}

const lost = new Error('Redis cannot be reached: connect ENOENT');

describe('the history of a cache', () => {
  it('has flushes and invalidations of a real cache, and no requests', async () => {
    const { cache, fetch, clock } = await newCacheWorld('memory');
    const history = new CacheHistory(cache, clock);
    await fetch({ tags: ['a'] });
    await fetch();
    await cache.invalidate(['a', 'b:42']);
    await cache.invalidate('everything');
    await cache.flush();
    await fetch();
    await cache.flush();
    expect(history.eventsAfter()).toMatchObject([
      { kind: 'invalidation', detail: 'a, b:42' },
      { kind: 'invalidation', detail: 'everything' },
      { kind: 'flush', detail: '1 key removed' },
      { kind: 'flush', detail: '1 key removed' },
    ]);
  });

  it('has one event each time that the store loses its connection and gets it back, with the reason', () => {
    const { emit, lines, history } = newWorld();
    emit({ type: 'connection-ready' });
    emit({ type: 'connection-failed', error: lost }, { type: 'connection-failed', error: lost });
    expect(history.isStoreAvailable).toBe(false);
    emit({ type: 'connection-ready' }, { type: 'connection-ready' });
    expect(history.isStoreAvailable).toBe(true);
    emit({ type: 'connection-failed', error: 'odd' });
    expect(lines()).toEqual([
      `store-unavailable: ${lost.message}`,
      'store-available: connected again',
      'store-unavailable: no connection',
    ]);
  });

  it('has an event when the circuit opens and when it closes', () => {
    const { emit, lines, history } = newWorld();
    emit({ type: 'breaker-opened' });
    expect(history.isCircuitOpen).toBe(true);
    emit({ type: 'breaker-closed' });
    expect(history.isCircuitOpen).toBe(false);
    expect(lines()).toEqual([
      'circuit-opened: the store fails too often: requests bypass it',
      'circuit-closed: the store replies again',
    ]);
  });

  it('shortens what would be long', () => {
    const { emit, history } = newWorld();
    emit({ type: 'invalidate', tags: times(100, (n) => `products:${n}`) });
    const [{ detail } = { detail: '' }] = history.eventsAfter();
    expect(detail).toMatch(/^products:0, products:1, .*…$/);
    expect(detail).toHaveLength(200);
  });

  it('forgets events after five minutes', () => {
    const { emit, lines, clock } = newWorld();
    emit({ type: 'flush', keysRemoved: 1 });
    clock.advance(1_000);
    emit({ type: 'flush', keysRemoved: 2 });
    clock.advance(299_000);
    expect(lines()).toEqual(['flush: 1 key removed', 'flush: 2 keys removed']);
    clock.advance(1);
    expect(lines()).toEqual(['flush: 2 keys removed']);
    clock.advance(1_000);
    expect(lines()).toEqual([]);
  });

  it('keeps the last 500 events at most', () => {
    const { emit, lines } = newWorld();
    for (const keysRemoved of times(510, (n) => n + 2)) emit({ type: 'flush', keysRemoved });
    expect(lines()).toEqual(times(500, (n) => `flush: ${n + 12} keys removed`));
  });

  it('gives every event once to a reader that passes the time of its previous reading', () => {
    const { emit, history, clock, lines } = newWorld();
    emit({ type: 'flush', keysRemoved: 1 });
    const first = history.nowMs();
    // Without any time passing, or with a clock that is set back.
    emit({ type: 'flush', keysRemoved: 2 }, { type: 'flush', keysRemoved: 3 });
    expect(lines(first)).toEqual(['flush: 2 keys removed', 'flush: 3 keys removed']);
    const second = history.nowMs();
    clock.stall(-500);
    expect(lines(second)).toEqual([]);
    emit({ type: 'flush', keysRemoved: 4 });
    expect(lines(second)).toEqual(['flush: 4 keys removed']);
    const atMs = history.eventsAfter().map((event) => event.atMs);
    expect(new Set([...atMs, first, second]).size).toBe(6);
  });
});
