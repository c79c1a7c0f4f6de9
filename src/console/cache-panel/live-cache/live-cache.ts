/** What is known of the server's cache: one for the page. It survives the components that show it, for its last five minutes. */
import { createStore } from 'zustand/vanilla';
import type { CacheSnapshot } from './cache-snapshot.ts';
import { emptyHistory, withGap, withSnapshot, type History } from './history.ts';

export type Connection =
  /** Not wanted, not yet there, or there: by subscription or by polling. */
  | { readonly state: 'paused' | 'connecting' | 'pushed' | 'polled' }
  /** `retryMs`: when the next attempt begins, as `Date.now()`. */
  | { readonly state: 'lost'; readonly reason: string; readonly retryMs: number };

export interface LiveCache {
  readonly connection: Connection;
  /** The last one. It is out of date unless the connection is there. */
  readonly latest: CacheSnapshot | undefined;
  readonly history: History;
  /** What is added to this machine's time to obtain the server's. */
  readonly clockOffsetMs: number;
}

export const liveCache = createStore<LiveCache>(() => ({
  connection: { state: 'paused' },
  latest: undefined,
  history: emptyHistory,
  clockOffsetMs: 0,
}));

export function isConnected({ state }: Connection): boolean {
  return state === 'pushed' || state === 'polled';
}

export function received(snapshot: CacheSnapshot, state: 'pushed' | 'polled'): void {
  liveCache.setState(({ history }) => ({
    connection: { state },
    latest: snapshot,
    history: withSnapshot(history, snapshot),
    clockOffsetMs: snapshot.at - Date.now(),
  }));
}

export function connectionIs(connection: Exclude<Connection, { state: 'pushed' | 'polled' }>): void {
  liveCache.setState(({ history, clockOffsetMs }) => ({
    connection,
    history: withGap(history, Date.now() + clockOffsetMs),
  }));
}
