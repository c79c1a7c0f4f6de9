/** The last five minutes of a cache, from its snapshots. Times are those of the server. */
import type { CacheEvent, CacheSnapshot } from './cache-snapshot.ts';

export const historyMs = 300_000;

/** The figures of one time; null from when the connection ended until the next snapshot. */
export interface Sample {
  readonly at: number;
  readonly figures: Omit<CacheSnapshot, 'at' | 'events'> | null;
}

export interface History {
  /** The oldest first. The first one may be older than five minutes: its figures are those at the left edge. */
  readonly samples: readonly Sample[];
  /** The oldest first. */
  readonly events: readonly CacheEvent[];
}

export const emptyHistory: History = { samples: [], events: [] };

export function withSnapshot({ samples, events }: History, { at, events: added, ...figures }: CacheSnapshot): History {
  // After a lost connection the server repeats what it had sent just before.
  const known = new Set(events.map(identityOf));
  const merged = [...events, ...added.filter((event) => !known.has(identityOf(event)))];
  return {
    samples: trimmed([...samples.filter((sample) => sample.at < at), { at, figures }], at),
    events: merged.filter((event) => event.at >= at - historyMs).toSorted((one, other) => one.at - other.at),
  };
}

/** Nothing is known from `at` until the next snapshot. */
export function withGap(history: History, at: number): History {
  const last = history.samples.at(-1);
  if (last === undefined || last.figures === null) return history;
  return { ...history, samples: [...history.samples, { at: Math.max(at, last.at), figures: null }] };
}

/** A time in which the connection lasted: at least one sample, and when it ended. */
export interface ConnectedPeriod {
  readonly samples: readonly { readonly at: number; readonly figures: NonNullable<Sample['figures']> }[];
  readonly endMs: number;
}

export function connectedPeriodsOf({ samples }: History, now: number): readonly ConnectedPeriod[] {
  const periods: ConnectedPeriod[] = [];
  let current: ConnectedPeriod['samples'][number][] = [];
  for (const { at, figures } of [...samples, { at: now, figures: null }]) {
    if (figures !== null) {
      current.push({ at, figures });
    } else if (current.length > 0) {
      periods.push({ samples: current, endMs: at });
      current = [];
    }
  }
  return periods;
}

function identityOf({ at, kind, detail }: CacheEvent): string {
  return `${at} ${kind} ${detail}`;
}

function trimmed(samples: readonly Sample[], now: number): readonly Sample[] {
  const first = samples.findLastIndex(({ at }) => at <= now - historyMs);
  return samples.slice(Math.max(0, first));
}
