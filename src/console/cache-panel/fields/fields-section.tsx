/** Where the fields of the last response came from, as a waterfall. */
import type { ReactElement } from 'react';
import { useStore } from 'zustand';
import { formatCount, formatMs } from '../format.ts';
import { lastResponse } from '../last-response.ts';
import type { Report } from '../report.ts';
import { useNow } from '../use-now.ts';
import { FieldRow } from './field-row.tsx';
import { waterfallOf } from './waterfall.ts';
import './fields.css';

export function FieldsSection(): ReactElement {
  const { isThere, report, arrivedMs } = useStore(lastResponse);
  if (report !== undefined && report.fields.length > 0) return <Waterfall report={report} arrivedMs={arrivedMs} />;
  return isThere ? <NoReport /> : <p>Run an operation: for each of its cached fields, a bar appears here.</p>;
}

function Waterfall({ report, arrivedMs }: { report: Report; arrivedMs: number | undefined }): ReactElement {
  const now = useNow();
  const { fields, more } = report;
  const { bars, spanMs, ticksMs, hasStarts } = waterfallOf(fields);
  // The first tick after the response may be told a time before it arrived.
  const sinceMs = arrivedMs === undefined ? undefined : Math.max(0, now - arrivedMs);
  return (
    <div className="cache-panel-fields">
      <p className="cache-panel-fields-summary">{summaryOf(report, spanMs)}</p>
      <Scale ticksMs={ticksMs} spanMs={spanMs} />
      <ol aria-label="Cached fields">
        {fields.map((row, index) => (
          <FieldRow key={JSON.stringify(row.path)} row={row} bar={bars[index]} sinceMs={sinceMs} />
        ))}
      </ol>
      {more > 0 ? (
        <p>{`${formatCount(more)} more cached fields ran; the server reports the first ${fields.length}.`}</p>
      ) : null}
      {hasStarts ? null : <p>This server does not report when fields began, so all bars begin at 0.</p>}
    </div>
  );
}

function summaryOf({ fields, more }: Report, spanMs: number): string {
  const fromCache = fields.filter(({ source }) => source === 'cache').length;
  const all = fields.length + more;
  const counts = [
    `${formatCount(fromCache)} from the cache`,
    `${formatCount(fields.length - fromCache)} from the database`,
  ];
  if (more > 0) counts.push(`${formatCount(more)} not reported`);
  return `${formatCount(all)} cached ${all === 1 ? 'field' : 'fields'} in ${formatMs(spanMs)}: ${counts.join(', ')}.`;
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
    <>
      <p>This response has no report. That may be because</p>
      <ul>
        <li>none of its fields is cached, or the operation failed before one of them began,</li>
        <li>
          the server does not add reports to responses (the shop with <code>CACHE_REPORT=off</code>), or
        </li>
        <li>it was sent by GET, whose responses may be stored by browsers and proxies.</li>
      </ul>
    </>
  );
}
