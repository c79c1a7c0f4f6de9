/** Where the bars of a waterfall begin and end. */
import type { ReportRow } from '../request/report.ts';
import { roundedUp } from '../shared/rounded-up.ts';

/** One field's bar, in percent of the width. */
export interface BarPosition {
  readonly startPercent: number;
  readonly widthPercent: number;
  /** The simulated part of it, which comes first. */
  readonly simulatedPercent: number;
}

export interface Waterfall {
  /** One for each row, in the same order. */
  readonly bars: readonly BarPosition[];
  /** The time that the width stands for. */
  readonly spanMs: number;
  /** From 0, in equal steps; the last one is not beyond the span. */
  readonly ticksMs: readonly number[];
  /** Whether the server reports when fields began. If not, all bars begin at 0. */
  readonly hasStarts: boolean;
}

const ticksMax = 5;

/** When a field ran. */
export interface Span extends Pick<ReportRow, 'startMs' | 'durationMs'> {
  readonly simulatedMs: number;
}

export function waterfallOf(rows: readonly Span[]): Waterfall {
  const spanMs = Math.max(0.01, ...rows.map(({ startMs = 0, durationMs }) => startMs + durationMs));
  return {
    bars: rows.map(({ startMs = 0, durationMs, simulatedMs }) => ({
      startPercent: (100 * startMs) / spanMs,
      widthPercent: (100 * durationMs) / spanMs,
      simulatedPercent: (100 * Math.min(simulatedMs, durationMs)) / spanMs,
    })),
    spanMs,
    ticksMs: ticksUpTo(spanMs),
    hasStarts: rows.some(({ startMs }) => startMs !== undefined),
  };
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function ticksUpTo(spanMs: number): number[] {
  const step = roundedUp(spanMs / ticksMax);
  return Array.from({ length: Math.floor(spanMs / step + 1e-9) + 1 }, (_, index) => index * step);
}
