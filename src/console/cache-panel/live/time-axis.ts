/** Where a time is on the axis of the charts: 0 is five minutes ago, 100 is now. */
import type { TimelineEvent } from './timeline.ts';
import { historyMs } from '../live-cache/history.ts';

export function percentOf(at: number, now: number): number {
  return Math.min(100, Math.max(0, (100 * (at - now + historyMs)) / historyMs));
}

/** Events that are too close to each other for a symbol each. */
export interface Mark {
  readonly percent: number;
  /** The symbol that they have in common, or how many there are. */
  readonly symbol: string;
  readonly kind: TimelineEvent['kind'] | undefined;
  readonly text: string;
}

/** The width of a symbol on a narrow screen. */
const nearPercent = 5;

/** @param timeline The newest first. */
export function marksOf(timeline: readonly TimelineEvent[], now: number): readonly Mark[] {
  const clusters: TimelineEvent[][] = [];
  for (const event of timeline) {
    const cluster = clusters.at(-1);
    const [newest] = cluster ?? [];
    const isNear = newest !== undefined && percentOf(newest.at, now) - percentOf(event.at, now) < nearPercent;
    if (isNear) cluster?.push(event);
    else clusters.push([event]);
  }
  return clusters.flatMap((cluster) => {
    const [newest] = cluster;
    if (newest === undefined) return [];
    const isOneKind = cluster.every(({ kind }) => kind === newest.kind);
    return {
      percent: percentOf(newest.at, now),
      symbol: isOneKind ? newest.symbol : String(cluster.length),
      kind: isOneKind ? newest.kind : undefined,
      text: cluster.map(({ text }) => text).join('\n'),
    };
  });
}
