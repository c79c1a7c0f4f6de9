/** The charts, on one time axis, with the markers of what has happened. */
import type { ReactElement } from 'react';
import { formatBytes, formatCount, formatPercent } from '../words/format.ts';
import { hitRateOf } from '../shared/hit-rate.ts';
import { chartLinesOf, topOf } from './chart-lines.ts';
import type { TimelineEvent } from './timeline.ts';
import { LineChart } from './line-chart.tsx';
import { isConnected, type LiveCache } from '../live-cache/live-cache.ts';
import { StoreStrip } from './store-strip.tsx';
import { marksOf } from './time-axis.ts';

interface LiveChartsProps {
  readonly live: LiveCache;
  /** In the server's time, as is the timeline. */
  readonly now: number;
  readonly timeline: readonly TimelineEvent[];
}

const unknown = '–';
const axis = ['5 min ago', '4', '3', '2', '1', 'now'];
const mebibyte = 1_048_576;

export function LiveCharts({ live, now, timeline }: LiveChartsProps): ReactElement {
  const { history, connection } = live;
  const { hitRate, loadsPerSecond, keys, memory } = chartLinesOf(history, now);
  const tops = { loads: topOf(loadsPerSecond, 1), keys: topOf(keys, 10), memory: topOf(memory, mebibyte, mebibyte) };
  // Without a connection, the last figures may be out of date.
  const latest = isConnected(connection) ? live.latest : undefined;
  const rate = latest && hitRateOf(latest);
  const loads = latest && (loadsPerSecond.at(-1)?.at(-1)?.value ?? 0);
  const time = { now, marksAt: timeline.map(({ at }) => at) };
  return (
    <div className="cache-panel-charts">
      <Symbols timeline={timeline} now={now} />
      <LineChart
        {...time}
        name="Hit rate"
        value={rate === undefined ? unknown : `${formatPercent(rate)} since the server started`}
        line={hitRate}
        top={100}
        topText="100 %"
      />
      <LineChart
        {...time}
        name="Keys"
        value={latest?.keys == null ? unknown : formatCount(latest.keys)}
        line={keys}
        top={tops.keys}
        topText={formatCount(tops.keys)}
      />
      <LineChart
        {...time}
        name="Memory"
        value={latest?.memoryUsed == null ? unknown : formatBytes(latest.memoryUsed)}
        line={memory}
        top={tops.memory}
        topText={formatBytes(tops.memory)}
      />
      <LineChart
        {...time}
        name="Loads per second"
        value={loads === undefined ? unknown : loads.toFixed(1)}
        line={loadsPerSecond}
        top={tops.loads}
        topText={formatCount(tops.loads)}
      />
      <StoreStrip history={history} now={now} backend={live.latest?.backend ?? 'REDIS'} />
      <div className="cache-panel-axis" aria-hidden="true">
        {axis.map((text) => (
          <span key={text}>{text}</span>
        ))}
      </div>
    </div>
  );
}

/** The list of what has happened says the same in words. */
function Symbols({ timeline, now }: Pick<LiveChartsProps, 'timeline' | 'now'>): ReactElement {
  return (
    <div className="cache-panel-markers" aria-hidden="true">
      {marksOf(timeline, now).map(({ percent, symbol, kind, text }) => (
        <span
          key={`${percent} ${text}`}
          className="cache-panel-symbol"
          data-kind={kind}
          title={text}
          style={{ left: `${percent}%` }}
        >
          {symbol}
        </span>
      ))}
    </div>
  );
}
