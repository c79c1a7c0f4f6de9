/** The section *Load test*: whatever is in the editor, many times, alternately from the database and through the cache. */
import type { ReactElement } from 'react';
import '../controls.css';
import { formatCount } from '../words/format.ts';
import { formatCountOf } from '../words/format-count-of.ts';
import { LoadTestForm } from './load-test-form.tsx';
import { LoadTestResult } from './load-test-result.tsx';
import './load-test.css';
import { useLoadTest } from './load-test-store.ts';
import type { LoadTest } from './load-test.ts';
import { errorsInRowMax } from './rounds.ts';

export function LoadTestSection(): ReactElement {
  const { current, fault } = useLoadTest();
  const alert = fault ?? (current && errorText(current));
  return (
    <div className="cache-panel-section">
      <LoadTestForm status={current === undefined ? '' : endText(current)} />
      {current?.state === 'running' ? <Progress test={current} /> : null}
      {alert === undefined ? null : (
        <p className="cache-panel-alert" role="alert">
          {alert}
        </p>
      )}
      {current === undefined ? (
        <p className="cache-panel-note">
          Runs the query in the editor many times, alternately from the database and through the cache.
        </p>
      ) : (
        <LoadTestResult test={current} />
      )}
    </div>
  );
}

function Progress({ test: { rounds, planned } }: { test: LoadTest }): ReactElement {
  const text = `${formatCount(rounds.length)} of ${formatCount(planned)} rounds`;
  return (
    <div className="cache-panel-progress">
      <progress max={planned} value={rounds.length} aria-label="Load test" aria-valuetext={text} />
      <span className="cache-panel-note">{text}</span>
    </div>
  );
}

/** How the test has ended; nothing while it runs. */
function endText({ state, rounds, planned }: LoadTest): string {
  const texts = {
    running: '',
    done: `Finished after ${formatCountOf(rounds.length, 'round')}.`,
    stopped: `Stopped after ${formatCount(rounds.length)} of ${formatCount(planned)} rounds.`,
    failed: `Stopped after ${errorsInRowMax} errors in a row.`,
  };
  return texts[state];
}

function errorText({ rounds, firstError }: LoadTest): string | undefined {
  if (firstError === undefined) return undefined;
  const sides = rounds.flatMap(({ database, cache }) => [database, cache]);
  const errors = sides.reduce((sum, side) => sum + side.errors, 0);
  return `${formatCountOf(errors, 'request')} failed. The first: ${firstError}`;
}
