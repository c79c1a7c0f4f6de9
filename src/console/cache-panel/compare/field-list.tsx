/** The time of each cached field, on both sides. */
import type { ReactElement } from 'react';
import { formatCount, formatMs } from '../words/format.ts';
import { useLatencyView, useShownMs } from '../shared/latency-view.tsx';
import { outcomeText } from '../words/report-words.ts';
import type { FieldTimes } from './field-times.ts';
import { TimeBars } from './time-bars.tsx';

const shownMax = 8;

export function FieldList({
  fields,
  unreported,
}: {
  fields: readonly FieldTimes[];
  unreported: number;
}): ReactElement | null {
  const shownMs = useShownMs();
  if (fields.length === 0) return null;
  const times = fields.flatMap(({ database, cache }) => [database, cache].filter((time) => time !== undefined));
  const fullMs = Math.max(...times.map(shownMs), Number.MIN_VALUE);
  const [first, rest] = [fields.slice(0, shownMax), fields.slice(shownMax)];
  return (
    <div className="cache-panel-compare-fields">
      <h4>Cached fields, in the server</h4>
      <FieldItems fields={first} fullMs={fullMs} />
      {rest.length === 0 ? null : (
        <details>
          <summary>{formatCount(rest.length)} more fields</summary>
          <FieldItems fields={rest} fullMs={fullMs} />
        </details>
      )}
      {unreported === 0 ? null : (
        <p className="cache-panel-note">The server’s report leaves out {formatCount(unreported)} further fields.</p>
      )}
    </div>
  );
}

function FieldItems({ fields, fullMs }: { fields: readonly FieldTimes[]; fullMs: number }): ReactElement {
  return (
    <ul>
      {fields.map(({ path, field, database, cache }) => (
        <li key={path}>
          <div className="cache-panel-compare-field">
            <h5>
              {path} {field.endsWith(`.${path}`) ? null : <small>{field}</small>}
            </h5>
            {cache === undefined ? null : <span className="cache-panel-note">{outcomeText(cache.row)}</span>}
          </div>
          <TimeBars database={database} cache={cache} fullMs={fullMs} />
          <FieldNote simulatedMs={Math.max(database?.simulatedMs ?? 0, cache?.simulatedMs ?? 0)} />
        </li>
      ))}
    </ul>
  );
}

function FieldNote({ simulatedMs }: { simulatedMs: number }): ReactElement | null {
  const isWithout = useLatencyView((view) => view.isWithout);
  if (simulatedMs === 0) return null;
  return (
    <p className="cache-panel-note">
      {isWithout ? 'without' : 'includes'} {formatMs(simulatedMs)} of simulated latency
    </p>
  );
}
