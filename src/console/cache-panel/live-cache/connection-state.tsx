/** Whether figures arrive, and how. */
import type { ReactElement } from 'react';
import { formatDuration } from '../words/format-duration.ts';
import { useNow } from '../shared/use-now.ts';
import { retryNow } from './follow.ts';
import type { Connection } from './live-cache.ts';
import './connection-state.css';

const texts = {
  paused: 'Paused while this page is hidden.',
  connecting: 'Connecting…',
  pushed: 'Live: the server sends changes as they happen.',
  polled: 'Live: polled every two seconds; subscriptions are not available.',
  lost: 'Connection lost, retrying',
} as const;

export function ConnectionState({ connection }: { connection: Connection }): ReactElement {
  return (
    <p className="cache-panel-connection" data-state={connection.state}>
      <span role="status">
        {texts[connection.state]}
        {connection.state === 'lost' ? `: ${connection.reason}` : ''}
      </span>
      {connection.state === 'lost' ? <Retry retryMs={connection.retryMs} /> : null}
    </p>
  );
}

function Retry({ retryMs }: { retryMs: number }): ReactElement {
  const leftMs = retryMs - useNow();
  return (
    <>
      <span>{leftMs > 0 ? `Next attempt in ${formatDuration(leftMs, Math.ceil)}.` : 'Trying again…'}</span>
      <button type="button" className="cache-panel-small" onClick={retryNow}>
        Retry now
      </button>
    </>
  );
}
