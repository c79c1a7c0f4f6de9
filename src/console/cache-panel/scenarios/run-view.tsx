/** The steps of a scenario, and what came of it. */
import type { ReactElement } from 'react';
import { formatDuration } from '../format-duration.ts';
import { formatMs } from '../format.ts';
import { useNow } from '../use-now.ts';
import type { Figure } from './scenario.ts';
import type { ScenarioRun, Step } from './scenario-runs.ts';

export function RunView({ run }: { run: ScenarioRun }): ReactElement {
  const { state, steps, result, error } = run;
  return (
    <>
      <ol className="cache-panel-steps">
        {steps.map((step, index) => (
          <StepView
            key={step.text}
            step={step}
            isCurrent={index === steps.length - 1 && state !== 'done'}
            state={state}
          />
        ))}
      </ol>
      <p className="cache-panel-scenario-summary" role="status">
        {state === 'stopped' ? 'Stopped.' : (result?.summary ?? '')}
      </p>
      {error === undefined ? null : <p role="alert">{error}</p>}
      {result === undefined ? null : <Figures figures={result.figures} />}
    </>
  );
}

interface StepViewProps {
  readonly step: Step;
  readonly isCurrent: boolean;
  readonly state: ScenarioRun['state'];
}

function StepView({ step: { text, outcome, untilMs }, isCurrent, state }: StepViewProps): ReactElement {
  const isRunning = isCurrent && state === 'running';
  return (
    <li data-state={isCurrent ? state : 'done'} aria-current={isRunning ? 'step' : undefined}>
      <span>{text}</span>
      {isRunning && outcome === '' && untilMs !== undefined ? <Countdown untilMs={untilMs} /> : null}
      {outcome === '' ? null : <span className="cache-panel-step-outcome">{outcome}</span>}
    </li>
  );
}

function Countdown({ untilMs }: { untilMs: number }): ReactElement {
  const leftMs = Math.max(0, untilMs - useNow());
  return (
    <span className="cache-panel-step-outcome" role="timer">
      {formatDuration(leftMs, Math.ceil)}
    </span>
  );
}

/** Durations as bars on one scale. */
function Figures({ figures }: { figures: readonly Figure[] }): ReactElement {
  const longestMs = Math.max(0.01, ...figures.map(({ durationMs }) => durationMs));
  return (
    <ul className="cache-panel-figures">
      {figures.map(({ label, source, outcome, durationMs }) => (
        <li key={label} data-source={source}>
          <span>{label}</span>
          <span className="cache-panel-step-outcome">{outcome}</span>
          <strong>{formatMs(durationMs)}</strong>
          <div aria-hidden="true">
            <div style={{ width: `${(100 * durationMs) / longestMs}%` }} />
          </div>
        </li>
      ))}
    </ul>
  );
}
