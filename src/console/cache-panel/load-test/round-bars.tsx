/** The bars themselves, above a line at the height 0. */
import type { ReactElement } from 'react';
import { formatMs } from '../words/format.ts';
import type { BarPair, ChartBar } from './chart-bars.ts';

export interface RoundBarsProps {
  readonly pairs: readonly BarPair[];
  /** The width for one pair, in pixels. */
  readonly slot: number;
  /** Of the stripes. */
  readonly patternId: string;
  /** In pixels. */
  readonly heightOf: (ms: number) => number;
}

/** So that bars of few rounds do not become squares. */
const barWidthMax = 24;

export function RoundBars({ pairs, slot, patternId, heightOf }: RoundBarsProps): ReactElement {
  const barWidth = Math.min(barWidthMax, slot * 0.42);
  return (
    <>
      {pairs.map((pair, index) => (
        <g key={pair.first} transform={`translate(${(index + 0.5) * slot} 0)`}>
          <title>{titleOf(pair)}</title>
          {/* What a pointer can hit: thin bars alone are hard to meet. */}
          <rect
            className="hit"
            x={-slot / 2}
            y={-heightOf(slowestOf(pair))}
            width={slot}
            height={heightOf(slowestOf(pair))}
          />
          <RoundBar
            bar={pair.database}
            side="database"
            x={-barWidth}
            {...{ barWidth, heightOf }}
            fill={`url(#${patternId})`}
          />
          <RoundBar bar={pair.cache} side="cache" x={0} {...{ barWidth, heightOf }} />
        </g>
      ))}
    </>
  );
}

interface BarProps {
  readonly bar: ChartBar | undefined;
  readonly side: 'database' | 'cache';
  readonly x: number;
  readonly barWidth: number;
  readonly heightOf: (ms: number) => number;
  readonly fill?: string;
}

function RoundBar({ bar, side, x, barWidth, heightOf, fill }: BarProps): ReactElement | null {
  if (bar === undefined) return null;
  // A bar of no height could be a missing one.
  const height = Math.max(1, heightOf(bar.meanMs));
  const middle = x + barWidth / 2;
  return (
    <>
      <rect className={`bar ${side}`} x={x} y={-height} width={Math.max(1, barWidth - 1)} height={height} fill={fill} />
      {bar.slowestMs > bar.meanMs ? (
        <line className={`slowest ${side}`} x1={middle} x2={middle} y1={-height} y2={-heightOf(bar.slowestMs)} />
      ) : null}
    </>
  );
}

function slowestOf({ database, cache }: BarPair): number {
  return Math.max(database?.slowestMs ?? 0, cache?.slowestMs ?? 0);
}

/** What a pointer over a pair of bars shows. */
function titleOf({ first, last, database, cache }: BarPair): string {
  const rounds = first === last ? `Round ${first}` : `Rounds ${first} to ${last}`;
  const text = (name: string, bar: ChartBar | undefined): string =>
    bar === undefined ? `${name}: no response` : `${name}: ${formatMs(bar.meanMs)}`;
  return `${rounds}\n${text('Database', database)}\n${text('Cache', cache)}`;
}
