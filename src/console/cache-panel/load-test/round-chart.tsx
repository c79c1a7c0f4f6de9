/** Bars per round: red with stripes for the database, plain green for the cache. */
import { useId, type ReactElement } from 'react';
import { useLatencyView } from '../shared/latency-view.tsx';
import { useWidth } from './use-width.ts';
import { barPairs, linearAxis, logarithmicAxis, roundsPerPair, type Axis, type BarPair } from './chart-bars.ts';
import { useLoadTest } from './load-test-store.ts';
import type { LoadTest } from './load-test.ts';
import { RoundBars } from './round-bars.tsx';

const height = 200;
/** Around the bars, in pixels. */
const margin = { top: 8, right: 4, bottom: 22, left: 58 };
/** The least width of a pair of bars. */
const pairWidthMin = 11;

export function RoundChart({ test }: { test: LoadTest }): ReactElement {
  const { isLogarithmic, setLogarithmic } = useLoadTest();
  const isWithout = useLatencyView((view) => view.isWithout);
  const [ref, width] = useWidth<HTMLDivElement>();
  // While it runs, there is room for the rounds to come.
  const planned = test.state === 'running' ? test.planned : Math.max(1, test.rounds.length);
  const plotWidth = Math.max(0, width - margin.left - margin.right);
  const pairsMax = Math.max(1, Math.floor(plotWidth / pairWidthMin));
  const pairs = barPairs(test.rounds, { planned, pairsMax, isWithout });
  const bars = pairs.flatMap(({ database, cache }) => [database, cache].filter((bar) => bar !== undefined));
  const axis = isLogarithmic ? logarithmicAxis(bars) : linearAxis(bars);
  const size = roundsPerPair(planned, pairsMax);
  return (
    <figure className="cache-panel-rounds">
      <figcaption>
        <Legend />
        <label className="cache-panel-check">
          <input
            type="checkbox"
            role="switch"
            checked={isLogarithmic}
            onChange={(event) => setLogarithmic(event.target.checked)}
          />
          Logarithmic
        </label>
      </figcaption>
      <div ref={ref}>{width === 0 ? null : <Plot {...{ width, axis, pairs, planned, size }} />}</div>
      <p className="cache-panel-note">{captionOf(size, test.concurrency)}</p>
    </figure>
  );
}

interface PlotProps {
  readonly width: number;
  readonly axis: Axis;
  readonly pairs: readonly BarPair[];
  readonly planned: number;
  readonly size: number;
}

function Plot({ width, axis, pairs, planned, size }: PlotProps): ReactElement {
  const patternId = `stripes-${useId()}`;
  const plot = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const bottom = margin.top + plot.height;
  return (
    <svg width={width} height={height} role="img" aria-label={`Durations of ${pairs.at(-1)?.last ?? 0} rounds`}>
      <defs>
        <pattern id={patternId} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect className="pale" width="5" height="5" />
          <rect className="stripe" width="3" height="5" />
        </pattern>
      </defs>
      {axis.ticks.map((ms) => (
        <g key={ms} className="tick" transform={`translate(0 ${bottom - axis.heightOf(ms) * plot.height})`}>
          <line x1={margin.left} x2={width - margin.right} />
          <text x={margin.left - 8} dy="0.35em" textAnchor="end">
            {tickText(ms)}
          </text>
        </g>
      ))}
      <g transform={`translate(${margin.left} ${bottom})`}>
        <RoundBars
          pairs={pairs}
          slot={plot.width / Math.ceil(planned / size)}
          patternId={patternId}
          heightOf={(ms) => axis.heightOf(ms) * plot.height}
        />
        <text className="round" y={16}>
          Round 1
        </text>
        <text className="round" x={plot.width} y={16} textAnchor="end">
          {planned}
        </text>
      </g>
    </svg>
  );
}

function Legend(): ReactElement {
  return (
    <span className="cache-panel-legend">
      <span className="cache-panel-bar database" aria-hidden="true" /> Database
      <span className="cache-panel-bar cache" aria-hidden="true" /> Cache
    </span>
  );
}

function captionOf(size: number, concurrency: number): string {
  if (size > 1)
    return `Each bar is the mean of ${size} rounds; a line leads to its slowest request, or out of the chart if that took much longer.`;
  return concurrency > 1
    ? `Each bar is the mean of a round’s ${concurrency} requests; a line leads to the slowest, or out of the chart if that took much longer.`
    : 'Each bar is one request.';
}

function tickText(ms: number): string {
  return ms === 0 ? '0' : ms >= 1_000 ? `${Number((ms / 1_000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}
