/** Where the fields of the last response came from, as a waterfall. */
import type { ReactElement } from 'react';
import { useStore } from 'zustand';
import { formatCountOf } from '../words/format-count-of.ts';
import { formatCount, formatMs } from '../words/format.ts';
import { lastResponse } from '../request/last-response.ts';
import { LatencySwitch, useLatencyView } from '../shared/latency-view.tsx';
import type { Report } from '../request/report.ts';
import { simulatedMsOf, withoutSimulated } from '../request/simulated-latency.ts';
import { useNow } from '../shared/use-now.ts';
import { useServerSettings } from '../shared/use-server-settings.ts';
import { FieldRow } from './field-row.tsx';
import { waterfallOf, type Span } from './waterfall.ts';
import '../controls.css';
import './fields.css';

export function FieldsSection(): ReactElement {
  const { isThere, report, arrivedMs } = useStore(lastResponse);
  if (report !== undefined && report.fields.length > 0) return <Waterfall report={report} arrivedMs={arrivedMs} />;
  return isThere ? (
    <NoReport />
  ) : (
    <p className="cache-panel-note">Run an operation: each cached field gets a bar here.</p>
  );
}

function Waterfall({ report, arrivedMs }: { report: Report; arrivedMs: number | undefined }): ReactElement {
  const now = useNow();
  const { simulatedLatency: latency } = useServerSettings();
  const { isWithout } = useLatencyView();
  const { fields, more } = report;
  const simulated = fields.map((row) => simulatedMsOf(row, latency));
  const isSimulated = simulated.some((ms) => ms > 0);
  const spans = fields.map(({ startMs, durationMs }, index): Span => {
    const simulatedMs = simulated[index] ?? 0;
    const shown = isWithout
      ? { durationMs: withoutSimulated(durationMs, simulatedMs), simulatedMs: 0 }
      : { durationMs, simulatedMs };
    return startMs === undefined ? shown : { startMs, ...shown };
  });
  const { bars, spanMs, ticksMs, hasStarts } = waterfallOf(spans);
  // The clock ticks once a second, so its last tick may have been before the response.
  const sinceMs = arrivedMs === undefined ? undefined : Math.max(0, now - arrivedMs);
  return (
    <div className="cache-panel-fields">
      <p>{summaryOf(report, spanMs)}</p>
      {isSimulated ? <LatencySwitch /> : null}
      <Scale ticksMs={ticksMs} spanMs={spanMs} />
      <ol aria-label="Cached fields">
        {fields.map((row, index) => (
          <FieldRow key={JSON.stringify(row.path)} row={row} span={spans[index]} bar={bars[index]} sinceMs={sinceMs} />
        ))}
      </ol>
      {more > 0 ? (
        <p className="cache-panel-note">
          {`${formatCountOf(more, 'more cached field')} ran; the server reports the first ${fields.length}.`}
        </p>
      ) : null}
      {hasStarts ? null : (
        <p className="cache-panel-note">This server does not report when fields began, so all bars begin at 0.</p>
      )}
    </div>
  );
}

function summaryOf({ fields, more }: Report, spanMs: number): string {
  const fromCache = fields.filter(({ source }) => source === 'cache').length;
  const counts = [
    `${formatCount(fromCache)} from the cache`,
    `${formatCount(fields.length - fromCache)} from the database`,
    ...(more > 0 ? [`${formatCount(more)} not reported`] : []),
  ];
  return `${formatCountOf(fields.length + more, 'cached field')} in ${formatMs(spanMs)}: ${counts.join(', ')}.`;
}

/** The times that the grid lines stand for. */
function Scale({ ticksMs, spanMs }: { ticksMs: readonly number[]; spanMs: number }): ReactElement {
  return (
    <div className="cache-panel-fields-scale" aria-hidden="true">
      {ticksMs.map((ms) => (
        <span key={ms} data-edge={ms / spanMs > 0.9 || undefined} style={{ left: `${(100 * ms) / spanMs}%` }}>
          {ms === 0 ? '0' : `${Number(ms.toPrecision(2))} ms`}
        </span>
      ))}
    </div>
  );
}

function NoReport(): ReactElement {
  return (
    <div className="cache-panel-fields">
      <p>This response has no report. That may be because</p>
      <ul>
        <li>none of its fields is cached, or the operation failed before one of them had its value,</li>
        <li>
          the server adds no reports to its responses (the shop with <code>CACHE_REPORT=off</code>), or
        </li>
        <li>it was sent by GET: browsers and proxies may keep such a response, so it has no report.</li>
      </ul>
    </div>
  );
}
