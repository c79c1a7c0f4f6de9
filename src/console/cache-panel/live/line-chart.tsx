/** One figure over the last five minutes. */
import type { ReactElement } from 'react';
import type { Line } from './chart-lines.ts';
import { percentOf } from './time-axis.ts';

interface LineChartProps {
  readonly name: string;
  /** The present figure, in words. */
  readonly value: string;
  readonly line: Line;
  /** Times of what has happened; all times are those of the server. */
  readonly marksAt: readonly number[];
  /** The right edge. */
  readonly now: number;
  /** What the top stands for, as a figure and in words; the bottom is 0. */
  readonly top: number;
  readonly topText: string;
}

// Stretched to the width that there is; the lines keep theirs.
const [width, height] = [100, 40];

export function LineChart({ name, value, line, marksAt, now, top, topText }: LineChartProps): ReactElement {
  const x = (at: number): string => percentOf(at, now).toFixed(2);
  const y = (figure: number): string => (height - (height * figure) / top).toFixed(2);
  const path = line
    .map((part) => part.map(({ at, value: figure }) => `${x(at)},${y(figure)}`).join('L'))
    // A single point is drawn as a dot: a line without length, with round ends.
    .map((points) => (points === '' ? '' : `M${points}${points.includes('L') ? '' : 'h0'}`))
    .join('');
  const marks = marksAt.map((at) => `M${x(at)},0V${height}`).join('');
  return (
    <div className="cache-panel-chart">
      <div className="cache-panel-chart-head">
        <span>{name}</span>
        <strong>{value}</strong>
      </div>
      <div className="cache-panel-chart-plot">
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${name} over the last five minutes, from 0 to ${topText}`}
        >
          <path className="cache-panel-chart-marks" d={marks} />
          <path d={path} />
        </svg>
        <span aria-hidden="true">{topText}</span>
      </div>
    </div>
  );
}
