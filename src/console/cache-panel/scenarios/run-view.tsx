/** The steps of a scenario, and its outcome. */
import type { ReactElement } from 'react';
import { formatDuration } from '../words/format-duration.ts';
import { useNow } from '../shared/use-now.ts';
import { ScenarioOutcome } from './scenario-outcome.tsx';
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
      <ScenarioOutcome result={result} />
      {state === 'stopped' ? <p role="status">Stopped.</p> : null}
      {error === undefined ? null : (
        <p className="cache-panel-alert" role="alert">
          {error}
        </p>
      )}
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
      {outcome === '' ? null : <span className="cache-panel-note">{outcome}</span>}
    </li>
  );
}

function Countdown({ untilMs }: { untilMs: number }): ReactElement {
  const leftMs = Math.max(0, untilMs - useNow());
  return (
    <span className="cache-panel-note" role="timer">
      {formatDuration(leftMs, Math.ceil)}
    </span>
  );
}
