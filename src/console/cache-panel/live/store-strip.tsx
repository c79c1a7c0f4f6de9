/** When the store was available. */
import type { ReactElement } from 'react';
import type { CacheSnapshot } from '../live-cache/cache-snapshot.ts';
import { connectedPeriodsOf, type History } from '../live-cache/history.ts';
import { backendText, storeStateOf, storeText } from '../live-cache/store-text.ts';
import { percentOf } from './time-axis.ts';

interface StoreStripProps {
  readonly history: History;
  readonly now: number;
  readonly backend: CacheSnapshot['backend'];
}

export function StoreStrip({ history, now, backend }: StoreStripProps): ReactElement {
  const periods = connectedPeriodsOf(history, now).flatMap(({ samples, endMs }) =>
    samples.map(({ at, figures }, index) => ({ fromMs: at, toMs: samples[index + 1]?.at ?? endMs, figures })),
  );
  return (
    <div className="cache-panel-chart">
      <div className="cache-panel-chart-head">
        <span>{`${backendText(backend)} and circuit breaker`}</span>
        <strong>{storeText(history.samples.at(-1)?.figures ?? undefined)}</strong>
      </div>
      <div className="cache-panel-strip" aria-hidden="true">
        {periods.map(({ fromMs, toMs, figures }) => (
          <span
            key={fromMs}
            data-state={storeStateOf(figures)}
            style={{ left: `${percentOf(fromMs, now)}%`, width: `${percentOf(toMs, now) - percentOf(fromMs, now)}%` }}
          />
        ))}
      </div>
    </div>
  );
}
