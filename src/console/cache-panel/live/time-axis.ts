/** Where a time is on the axis of the charts: 0 is five minutes ago, 100 is now. */
import type { Happening } from './happenings.ts';
import { historyMs } from './history.ts';

export function percentOf(at: number, now: number): number {
  return Math.min(100, Math.max(0, (100 * (at - now + historyMs)) / historyMs));
}

/** Happenings that are too close to each other for a symbol each. */
export interface Mark {
  readonly percent: number;
  /** The symbol that they have in common, or how many there are. */
  readonly symbol: string;
  readonly kind: Happening['kind'] | undefined;
  readonly text: string;
}

/** The width of a symbol on a narrow screen. */
const nearPercent = 5;

/** @param happenings The newest first. */
export function marksOf(happenings: readonly Happening[], now: number): readonly Mark[] {
  const clusters: Happening[][] = [];
  for (const happening of happenings) {
    const cluster = clusters.at(-1);
    const [newest] = cluster ?? [];
    const isNear = newest !== undefined && percentOf(newest.at, now) - percentOf(happening.at, now) < nearPercent;
    if (isNear) cluster?.push(happening);
    else clusters.push([happening]);
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
