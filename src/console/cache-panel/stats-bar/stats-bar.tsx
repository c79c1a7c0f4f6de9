/** The figures of the cache, always visible above GraphiQL, and the button that empties it. */
import { pick, useGraphiQL } from '@graphiql/react';
import { useState, type ReactElement } from 'react';
import { createPortal } from 'react-dom';
import {
  backendText,
  ConnectionState,
  flushCache,
  formatBytes,
  formatCount,
  formatCountOf,
  formatPercent,
  hitRateOf,
  isConnected,
  operationIn,
  schemaHas,
  storeText,
  useIsLiveOffered,
  useLastResponse,
  useLiveCache,
  type CacheSnapshot,
} from '../index.ts';
import './stats-bar.css';

/** @param props.bar Where it is shown, outside of GraphiQL. */
export function StatsBar({ bar }: { bar: HTMLElement }): ReactElement | null {
  // The panel's component is not there while another plugin is shown; this one always is.
  useLastResponse();
  const { fetcher, schema } = useGraphiQL(pick('fetcher', 'schema'));
  const isOffered = useIsLiveOffered();
  const { connection, latest } = useLiveCache(isOffered === true ? fetcher : undefined);
  const hasFlush = schema != null && schemaHas(schema, 'Mutation.flushCache');
  if (isOffered === false && !hasFlush) return null;
  const isThere = isConnected(connection) && latest !== undefined;
  return createPortal(
    <section className="console-stats" aria-label="Cache statistics">
      {isOffered === false ? null : isThere ? (
        <Figures latest={latest} />
      ) : (
        <ConnectionState connection={isOffered === true ? connection : { state: 'connecting' }} />
      )}
      {hasFlush ? <Flush /> : null}
    </section>,
    bar,
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
      setOutcome({ text: error instanceof Error ? error.message : String(error), isError: true });
    }
    setIsRunning(false);
  };
  return (
    <div className="console-flush">
      <span role="status">{outcome?.isError === false ? outcome.text : ''}</span>
      {outcome?.isError === true ? <span role="alert">{outcome.text}</span> : null}
      <button type="button" aria-disabled={isRunning} onClick={() => void (isRunning ? undefined : flush())}>
        Flush
      </button>
    </div>
  );
}
