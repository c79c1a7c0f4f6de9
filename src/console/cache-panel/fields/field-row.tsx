/** One cached field: its bar, where its value came from, how long it remains, and its key. */
import type { ReactElement } from 'react';
import { formatMs } from '../words/format.ts';
import type { ReportRow } from '../request/report.ts';
import { FieldKey } from './field-key.tsx';
import { pathText, sourceText, stateMeaning, stateText } from '../words/report-words.ts';
import { ageText, ttlLeft, ttlText } from './lifetime.ts';
import type { BarPosition, Span } from './waterfall.ts';

interface FieldRowProps {
  readonly row: ReportRow;
  /** As it is shown: with or without its simulated part. */
  readonly span: Span | undefined;
  readonly bar: BarPosition | undefined;
  /** How long ago the response arrived; undefined if that is not known. */
  readonly sinceMs: number | undefined;
}

export function FieldRow({ row, span, bar, sinceMs }: FieldRowProps): ReactElement {
  const { path, field, source, state, ageMs, ttlMs, key, notStored } = row;
  const simulatedMs = span?.simulatedMs ?? 0;
  const facts = {
    source: sourceText(row),
    age: ageText(ageMs, sinceMs),
    ttl: ttlText(ttlMs, sinceMs),
    simulated: simulatedMs > 0 ? `${formatMs(simulatedMs)} simulated` : undefined,
  };
  return (
    <li className="cache-panel-field" data-source={source}>
      <div className="cache-panel-field-head">
        <code className="cache-panel-field-path">{pathText(path)}</code>
        <code className="cache-panel-field-name">{field}</code>
        <span className="cache-panel-field-duration">{formatMs(span?.durationMs ?? row.durationMs)}</span>
      </div>
      <WaterfallBar source={source} bar={bar} />
      <div className="cache-panel-field-facts">
        <strong title={stateMeaning(state)}>{stateText(state)}</strong>
        {Object.entries(facts).map(([name, fact]) => (fact === undefined ? null : <span key={name}>{fact}</span>))}
        <TtlBar left={ttlLeft(row, sinceMs)} />
      </div>
      {notStored === undefined ? null : <p className="cache-panel-field-reason">{`Not stored: ${notStored}`}</p>}
      <FieldKey text={key} />
    </li>
  );
}

/** The figures next to it say the same. */
function WaterfallBar({ source, bar }: Pick<FieldRowProps, 'bar'> & Pick<ReportRow, 'source'>): ReactElement {
  const { startPercent = 0, widthPercent = 0, simulatedPercent = 0 } = bar ?? {};
  const realPercent = widthPercent - simulatedPercent;
  return (
    <div className="cache-panel-field-track" aria-hidden="true">
      <span style={{ flexBasis: `${startPercent}%` }} />
      {simulatedPercent > 0 ? (
        <span className={`cache-panel-bar ${source} simulated`} style={{ flexBasis: `${simulatedPercent}%` }} />
      ) : null}
      <span className={`cache-panel-bar ${source}`} style={{ flexBasis: `${realPercent}%` }} />
    </div>
  );
}

function TtlBar({ left }: { left: number | undefined }): ReactElement | null {
  if (left === undefined) return null;
  return (
    <span className="cache-panel-field-ttl" aria-hidden="true">
      <span style={{ transform: `scaleX(${left})` }} />
    </span>
  );
}
