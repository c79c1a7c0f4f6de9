/** What a comparison has measured. */
import type { ReactElement } from 'react';
import { LatencySwitch, useShownMs } from '../shared/latency-view.tsx';
import { titleOf } from '../request/operation.ts';
import type { Comparison } from './comparison.ts';
import { Differences } from './differences.tsx';
import { FieldList } from './field-list.tsx';
import { Headline } from './headline.tsx';
import { TimeBars } from './time-bars.tsx';

export function ComparisonResult({ comparison }: { comparison: Comparison }): ReactElement {
  const { operationName, database, cache, differences, fields, unreported } = comparison;
  const shownMs = useShownMs();
  return (
    <section className="cache-panel-result" aria-label="Comparison">
      <h3>{titleOf(operationName)}</h3>
      <Headline comparison={comparison} />
      <TimeBars database={database} cache={cache} fullMs={Math.max(shownMs(database), shownMs(cache))} />
      {database.simulatedMs > 0 || cache.simulatedMs > 0 ? <LatencySwitch /> : null}
      <Differences differences={differences} />
      <FieldList fields={fields} unreported={unreported} />
    </section>
  );
}
