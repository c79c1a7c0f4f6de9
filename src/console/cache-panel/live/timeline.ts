/** What has happened to a cache, in words: the server's events, and entries that the page has seen and whose TTL has ended. */
import type { SeenEntries } from '../request/seen-entries.ts';
import type { CacheEvent } from '../live-cache/cache-snapshot.ts';
import { historyMs } from '../live-cache/history.ts';

export interface TimelineEvent {
  /** In the server's time. */
  readonly at: number;
  /** For the marker in the charts; explained in the list of what has happened. */
  readonly symbol: string;
  readonly kind: CacheEvent['kind'] | 'EXPIRY';
  readonly text: string;
}

const symbols: Record<TimelineEvent['kind'], string> = {
  FLUSH: 'F',
  INVALIDATION: 'I',
  EXPIRY: 'E',
  STORE_UNAVAILABLE: '×',
  STORE_AVAILABLE: '✓',
  CIRCUIT_OPENED: 'O',
  CIRCUIT_CLOSED: 'C',
};

const texts: Record<CacheEvent['kind'], string> = {
  FLUSH: 'Flush',
  INVALIDATION: 'Invalidation',
  STORE_UNAVAILABLE: 'Redis unavailable',
  STORE_AVAILABLE: 'Redis available again',
  CIRCUIT_OPENED: 'Circuit opened',
  CIRCUIT_CLOSED: 'Circuit closed',
};

/** After one of these an entry may be gone, so its TTL says nothing. */
const endings: ReadonlySet<CacheEvent['kind']> = new Set(['FLUSH', 'INVALIDATION', 'STORE_UNAVAILABLE']);

/**
 * The newest first.
 *
 * @param now In the server's time, as are the events.
 * @param clockOffsetMs What is added to this machine's time to obtain the server's.
 */
export function timelineOf(
  events: readonly CacheEvent[],
  { entries }: Pick<SeenEntries, 'entries'>,
  { now, clockOffsetMs }: { now: number; clockOffsetMs: number },
): readonly TimelineEvent[] {
  const told = events.map(({ at, kind, detail }): TimelineEvent => {
    return { at, kind, symbol: symbols[kind], text: detail === '' ? texts[kind] : `${texts[kind]}: ${detail}` };
  });
  const expired = entries.flatMap(({ field, key, seenMs, expiresMs }): TimelineEvent[] => {
    const [seenAt, at] = [seenMs + clockOffsetMs, expiresMs + clockOffsetMs];
    const mayBeGone = events.some((event) => endings.has(event.kind) && event.at >= seenAt && event.at <= at);
    return at > now || mayBeGone
      ? []
      : [{ at, kind: 'EXPIRY', symbol: symbols.EXPIRY, text: `Expired: ${field} (${key})` }];
  });
  return [...told, ...expired]
    .filter(({ at }) => at <= now && at >= now - historyMs)
    .toSorted((one, other) => other.at - one.at);
}
