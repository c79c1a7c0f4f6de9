/** What came of a scenario: a sentence, and durations as bars on one scale. */
import type { ReactElement } from 'react';
import { Bar } from '../shared/bar.tsx';
import { formatMs } from '../words/format.ts';
import { LatencySwitch, useShownMs } from '../shared/latency-view.tsx';
import type { ReportRow } from '../request/report.ts';
import { simulatedMsOf } from '../request/simulated-latency.ts';
import { useServerSettings } from '../shared/use-server-settings.ts';
import type { ScenarioResult } from './scenario.ts';
import { outcomeText } from '../words/report-words.ts';

/** @param props.result Undefined: there is no outcome yet. */
export function ScenarioOutcome({ result }: { result: ScenarioResult | undefined }): ReactElement {
  const figures = result?.figures ?? [];
  const { simulatedLatency: latency } = useServerSettings();
  const shownMsOf = useShownMs();
  const timeOf = (row: ReportRow): { ms: number; simulatedMs: number } => {
    return { ms: row.durationMs, simulatedMs: simulatedMsOf(row, latency) };
  };
  const shownMs = (row: ReportRow): number => shownMsOf(timeOf(row));
  const fullMs = Math.max(0.01, ...figures.map(({ row }) => shownMs(row)));
  const simulatedMsMax = Math.max(0, ...figures.map(({ row }) => timeOf(row).simulatedMs));
  return (
    <>
      {/* It is there before there is a text, so that the text is announced. */}
      <p className="cache-panel-scenario-summary" role="status">
        {result?.summary(shownMs)}
      </p>
      <ul className="cache-panel-scenario-figures">
        {figures.map(({ label, row }) => {
          const { ms, simulatedMs } = timeOf(row);
          const shown = shownMs(row);
          return (
            <li key={label}>
              <span>{label}</span>
              <span className="cache-panel-note">{outcomeText(row)}</span>
              <strong>{formatMs(shown)}</strong>
              <Bar
                side={row.source}
                share={shown / fullMs}
                simulatedShare={shown === ms ? Math.min(ms, simulatedMs) / fullMs : 0}
              />
            </li>
          );
        })}
      </ul>
      {simulatedMsMax > 0 ? (
        <>
          <p className="cache-panel-note">{`Loads include ${formatMs(simulatedMsMax)} of simulated latency.`}</p>
          <LatencySwitch />
        </>
      ) : null}
    </>
  );
}
