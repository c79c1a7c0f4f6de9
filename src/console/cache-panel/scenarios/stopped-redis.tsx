/** For a Redis that was stopped by a scenario whose page was closed. */
import { useState, type ReactElement } from 'react';
import { useStore } from 'zustand';
import { isConnected } from '../live-cache/live-cache.ts';
import { useLiveCache } from '../live-cache/use-live-cache.ts';
import { ownOperation } from '../request/own-operation.ts';
import { send } from '../request/send.ts';
import { startRedisMutation } from './redis-restart.ts';
import { scenarioRuns, type Server } from './scenario-runs.ts';
import { errorText } from '../words/error-text.ts';

export function StoppedRedis({ server }: { server: () => Server }): ReactElement | null {
  const { connection, latest } = useLiveCache();
  const isScenarioRunning = useStore(scenarioRuns, (runs) =>
    Object.values(runs).some(({ state }) => state === 'running'),
  );
  const [error, setError] = useState<string>();
  const isStopped = isConnected(connection) && latest?.isStoreAvailable === false;
  if (!isStopped || isScenarioRunning) return null;
  const start = async (): Promise<void> => {
    setError(undefined);
    try {
      const { fetcher, headers } = server();
      await send(fetcher, ownOperation(startRedisMutation, { headers }));
    } catch (reason) {
      setError(errorText(reason));
    }
  };
  return (
    <div className="cache-panel-scenario-notice">
      <p>Redis is not available.</p>
      <button type="button" className="cache-panel-secondary" onClick={() => void start()}>
        Start Redis
      </button>
      {error === undefined ? null : (
        <p className="cache-panel-alert" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
