/** How many times as fast the cache is, or why that cannot be said. */
import type { ReactElement } from 'react';
import { Factor } from '../shared/factor.tsx';
import { formatMs } from '../words/format.ts';
import { useLatencyView, useShownMs } from '../shared/latency-view.tsx';
import type { Comparison } from './comparison.ts';

export function Headline({ comparison }: { comparison: Comparison }): ReactElement {
  const { verdict, database, cache } = comparison;
  const shownMs = useShownMs();
  return (
    <div role="status" className="cache-panel-headline">
      {verdict.kind === 'compared' ? <Factor databaseMs={shownMs(database)} cacheMs={shownMs(cache)} /> : null}
      {verdict.kind === 'uncached' ? <Uncached fields={verdict.fields} /> : null}
      {verdict.kind === 'first-run' ? <FirstRun verdict={verdict} /> : null}
      {verdict.notStored.map((text) => (
        <p key={text}>Not stored: {text}</p>
      ))}
      <LatencyNote comparison={comparison} />
    </div>
  );
}

function Uncached({ fields }: { fields: number }): ReactElement {
  return (
    <>
      <p className="cache-panel-large">Nothing is cached</p>
      {fields === 0 ? (
        <p>
          The response reports no cached field: none of this query’s fields is cached, or the server sends no reports.
        </p>
      ) : null}
    </>
  );
}

function FirstRun({ verdict: { missed, fields, notStored } }: { verdict: Comparison['verdict'] }): ReactElement {
  const where = missed === fields ? '' : ` for ${missed} of ${fields} fields`;
  return (
    <>
      <p className="cache-panel-large">First run: a miss</p>
      <p>
        The cache had no value yet{where}
        {notStored.length > 0 ? '.' : ', and has it now. Run again to see the difference.'}
      </p>
    </>
  );
}

/** States which of the figures above and below include how much simulated latency. */
function LatencyNote({ comparison }: { comparison: Comparison }): ReactElement | null {
  const isWithout = useLatencyView((view) => view.isWithout);
  const database = comparison.database.simulatedMs;
  const cache = comparison.cache.simulatedMs;
  if (database === 0 && cache === 0) return null;
  const isOne = database === cache || cache === 0;
  const amount = isOne ? formatMs(database) : `${formatMs(database)} (database) and ${formatMs(cache)} (cache)`;
  const subject =
    cache > 0
      ? 'Both times include'
      : comparison.verdict.kind === 'compared'
        ? 'Factor and database time include'
        : 'The database time includes';
  return (
    <p className="cache-panel-note">
      {isWithout ? 'Shown without' : subject} {amount} of simulated latency{isWithout ? '' : ', the paler part'}
    </p>
  );
}
