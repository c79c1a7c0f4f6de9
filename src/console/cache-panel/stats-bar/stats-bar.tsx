/** The figures of the cache, always visible above GraphiQL, and the button that empties it. */
import { pick, useGraphiQL } from '@graphiql/react';
import { useState, type ReactElement } from 'react';
import { createPortal } from 'react-dom';
import { ErrorBoundary } from '../shared/error-boundary.tsx';
import type { CacheSnapshot } from '../live-cache/cache-snapshot.ts';
import { ConnectionState } from '../live-cache/connection-state.tsx';
import { isConnected } from '../live-cache/live-cache.ts';
import { backendText, storeText } from '../live-cache/store-text.ts';
import { useLiveCache } from '../live-cache/use-live-cache.ts';
import { flushCache } from '../request/flush-cache.ts';
import { useLastResponse } from '../request/last-response.ts';
import { operationIn } from '../request/operation.ts';
import { schemaHas } from '../request/schema-has.ts';
import { hitRateOf } from '../shared/hit-rate.ts';
import { formatCountOf } from '../words/format-count-of.ts';
import { formatBytes, formatCount, formatPercent } from '../words/format.ts';
import '../base.css';
import './stats-bar.css';
import { errorText } from '../words/error-text.ts';

/** @param props.bar Where it is shown, outside of GraphiQL. */
export function StatsBar({ bar }: { bar: HTMLElement }): ReactElement {
  return createPortal(
    <ErrorBoundary what="This bar">
      <Statistics />
    </ErrorBoundary>,
    bar,
  );
}

function Statistics(): ReactElement | null {
  // The panel's component is not there while another plugin is shown; this one always is.
  useLastResponse();
  const schema = useGraphiQL((state) => state.schema);
  const { connection, latest, isOffered } = useLiveCache();
  const hasFlush = schema != null && schemaHas(schema, 'Mutation.flushCache');
  if (isOffered === false && !hasFlush) return null;
  const isThere = isConnected(connection) && latest !== undefined;
  return (
    <section className="cache-panel-stats" aria-label="Cache statistics">
      {isOffered === false ? null : isThere ? (
        <Figures latest={latest} />
      ) : (
        <ConnectionState connection={isOffered === true ? connection : { state: 'connecting' }} />
      )}
      {hasFlush ? <Flush /> : null}
    </section>
  );
}

function Figures({ latest }: { latest: CacheSnapshot }): ReactElement {
  const { keys, memoryUsed, backend, isStoreAvailable, isCircuitOpen } = latest;
  const hitRate = hitRateOf(latest);
  const figures = [
    ['Hit rate', hitRate === undefined ? '–' : formatPercent(hitRate)],
    ['Keys', keys === null ? '–' : formatCount(keys)],
    ['Memory', memoryUsed === null ? '–' : formatBytes(memoryUsed)],
  ] as const;
  const isFaulty = !isStoreAvailable || isCircuitOpen;
  return (
    <dl>
      {figures.map(([name, figure]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{figure}</dd>
        </div>
      ))}
      <div data-state={isFaulty ? 'faulty' : 'available'}>
        <dt>{backendText(backend)}</dt>
        <dd>{storeText(latest)}</dd>
      </div>
    </dl>
  );
}

function Flush(): ReactElement {
  const { fetcher, headerEditor } = useGraphiQL(pick('fetcher', 'headerEditor'));
  const [isRunning, setIsRunning] = useState(false);
  const [outcome, setOutcome] = useState<{ readonly text: string; readonly isError: boolean }>();
  const flush = async (): Promise<void> => {
    setIsRunning(true);
    setOutcome(undefined);
    try {
      const { headers } = operationIn({ headerEditor });
      const removed = await flushCache(fetcher, headers);
      setOutcome({ text: `${formatCountOf(removed, 'key')} removed`, isError: false });
    } catch (error) {
      setOutcome({ text: errorText(error), isError: true });
    }
    setIsRunning(false);
  };
  return (
    <div className="cache-panel-flush">
      <span role="status">{outcome?.isError === false ? outcome.text : ''}</span>
      {outcome?.isError === true ? <span role="alert">{outcome.text}</span> : null}
      <button
        type="button"
        className="cache-panel-small"
        aria-disabled={isRunning}
        onClick={() => void (isRunning ? undefined : flush())}
      >
        Flush
      </button>
    </div>
  );
}
