/** What a load test has measured so far. */
import type { ReactElement } from 'react';
import { Factor } from '../shared/factor.tsx';
import { formatCount, formatMs } from '../words/format.ts';
import { formatCountOf } from '../words/format-count-of.ts';
import { LatencySwitch, useLatencyView } from '../shared/latency-view.tsx';
import { titleOf } from '../request/operation.ts';
import { FiguresTable } from './figures-table.tsx';
import { useLoadTest } from './load-test-store.ts';
import type { LoadTest } from './load-test.ts';
import { RoundChart } from './round-chart.tsx';
import { unhinderedMax, summaryOf, type Summary } from './summary.ts';

export function LoadTestResult({ test }: { test: LoadTest }): ReactElement {
  const { kept, keep } = useLoadTest();
  const isWithout = useLatencyView((view) => view.isWithout);
  const [database, cache] = [summaryOf(test, 'database', isWithout), summaryOf(test, 'cache', isWithout)];
  return (
    <section className="cache-panel-result" aria-label="Load test">
      <h3>{roundsText(test)}</h3>
      <Headline database={database} cache={cache} />
      <SimulatedNote test={test} database={database} cache={cache} />
      <RoundChart test={test} />
      <FiguresTable test={test} kept={kept} />
      {kept === undefined ? null : <p className="cache-panel-note">Kept run: {roundsText(kept)}</p>}
      {cache.misses > 0 ? (
        <p className="cache-panel-note">
          {formatCount(cache.misses)} of {formatCount(cache.hits + cache.misses)} cached fields were misses, as after a
          flush or when values expire. The slowest requests of the cache may be theirs.
        </p>
      ) : null}
      {test.state === 'running' || test.rounds.length === 0 ? null : (
        <div className="cache-panel-actions">
          <button type="button" className="cache-panel-secondary" onClick={() => keep(test)}>
            Keep this run
          </button>
          {kept === undefined ? null : (
            <button type="button" className="cache-panel-secondary" onClick={() => keep(undefined)}>
              Discard the kept run
            </button>
          )}
        </div>
      )}
    </section>
  );
}

/** `Query Search, 10 rounds of 1 request`. */
function roundsText({ operationName, rounds, concurrency }: LoadTest): string {
  return `${titleOf(operationName)}, ${formatCountOf(rounds.length, 'round')} of ${formatCountOf(concurrency, 'request')}`;
}

function Headline({ database, cache }: { database: Summary; cache: Summary }): ReactElement | null {
  if (database.p50 === undefined || cache.p50 === undefined) return null;
  if (cache.hits + cache.misses > 0) return <Factor databaseMs={database.p50} cacheMs={cache.p50} scope="at p50" />;
  return (
    <>
      <p className="cache-panel-large">Nothing is cached</p>
      <p className="cache-panel-note">
        The responses report no cached field: none of this query’s fields is cached, or the server sends no reports.
      </p>
    </>
  );
}

function SimulatedNote({
  test,
  database,
  cache,
}: {
  test: LoadTest;
  database: Summary;
  cache: Summary;
}): ReactElement | null {
  const isWithout = useLatencyView((view) => view.isWithout);
  const ms = Math.max(database.simulatedMs, cache.simulatedMs);
  if (ms === 0) return null;
  const whose = cache.simulatedMs > 0 ? 'Figures of the database and of misses' : 'Figures of the database';
  return (
    <div className="cache-panel-latency">
      <p className="cache-panel-note">
        {isWithout ? 'Shown without' : `${whose} include`} {formatMs(ms)} of simulated latency
        {isWithout && test.concurrency > unhinderedMax
          ? '. Requests that waited for a connection have waited for that of others, too, which remains.'
          : ''}
      </p>
      <LatencySwitch />
    </div>
  );
}
