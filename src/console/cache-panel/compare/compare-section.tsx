/** The section *Compare*: whatever is in the editor, once from the database and once through the cache. */
import type { ReactElement } from 'react';
import { useRequest } from '../request/use-request.ts';
import '../controls.css';
import { ComparisonResult } from './comparison-result.tsx';
import { useCompare } from './compare-store.ts';
import './compare.css';
import { TourSentence, useTour } from './tour.tsx';

const progress = { database: 'Asking the database…', cache: 'Asking the cache…' } as const;

export function CompareSection(): ReactElement {
  const { comparison, fault, side, running, run, stop } = useCompare();
  const tour = useTour();
  const request = useRequest();
  const isRunning = running !== undefined;
  const compare = (): void => {
    tour.end();
    void run(request);
  };
  const isFirstRun = comparison?.verdict.kind === 'first-run';
  return (
    <div className="cache-panel-section">
      {tour.isDone ? null : <TourSentence />}
      <div className="cache-panel-actions">
        <button type="button" className="cache-panel-primary" aria-disabled={isRunning} onClick={compare}>
          {isFirstRun ? 'Run again' : 'Compare'}
        </button>
        {isRunning ? (
          <button type="button" className="cache-panel-secondary cache-panel-late" onClick={stop}>
            Stop
          </button>
        ) : null}
        <span className="cache-panel-note" role="status">
          {isRunning ? progress[side ?? 'database'] : ''}
        </span>
      </div>
      {fault === undefined ? null : (
        <p className="cache-panel-alert" role="alert">
          {fault}
        </p>
      )}
      {comparison === undefined ? null : <ComparisonResult comparison={comparison} />}
      {comparison === undefined && fault === undefined && tour.isDone ? (
        <p className="cache-panel-note">
          Runs the query in the editor twice, once from the database and once through the cache.
        </p>
      ) : null}
    </div>
  );
}
