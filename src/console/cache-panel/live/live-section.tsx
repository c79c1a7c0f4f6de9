/** The cache over the last five minutes. */
import type { ReactElement } from 'react';
import { useStore } from 'zustand';
import { formatCount, formatPercent } from '../words/format.ts';
import { seenEntries } from '../request/seen-entries.ts';
import { useNow } from '../shared/use-now.ts';
import { ConnectionState } from '../live-cache/connection-state.tsx';
import { timelineOf, type TimelineEvent } from './timeline.ts';
import { LiveCharts } from './live-charts.tsx';
import { useLiveCache } from '../live-cache/use-live-cache.ts';
import './live.css';

export function LiveSection(): ReactElement {
  const { isOffered, ...live } = useLiveCache();
  const seen = useStore(seenEntries);
  const tickMs = useNow();
  const { latest, history, connection, clockOffsetMs } = live;
  const now = Math.max(tickMs + clockOffsetMs, latest?.at ?? 0);
  const timeline = timelineOf(history.events, seen, { now, clockOffsetMs });
  if (isOffered === false) return <WithoutServer rows={seen.rows} hits={seen.hits} timeline={timeline} />;
  return (
    <div className="cache-panel-live">
      <ConnectionState connection={connection} />
      <LiveCharts live={live} now={now} timeline={timeline} />
      <WhatHappened timeline={timeline} clockOffsetMs={clockOffsetMs} />
    </div>
  );
}

/** The newest first. */
function WhatHappened({
  timeline,
  clockOffsetMs,
}: {
  timeline: readonly TimelineEvent[];
  clockOffsetMs: number;
}): ReactElement {
  return (
    <>
      <h3>What happened</h3>
      {timeline.length === 0 ? <p>Nothing in the last five minutes.</p> : null}
      <ol className="cache-panel-timeline">
        {timeline.map(({ at, kind, symbol, text }) => (
          <li key={`${at} ${text}`}>
            <time dateTime={new Date(at - clockOffsetMs).toISOString()}>
              {new Date(at - clockOffsetMs).toLocaleTimeString()}
            </time>
            <span className="cache-panel-symbol" data-kind={kind} aria-hidden="true">
              {symbol}
            </span>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** What responses have reported, which any server does that uses the plugin. */
function WithoutServer({
  rows,
  hits,
  timeline,
}: {
  rows: number;
  hits: number;
  timeline: readonly TimelineEvent[];
}): ReactElement {
  return (
    <div className="cache-panel-live">
      <p>
        This server does not report the state of its cache: it has neither <code>subscription cacheEvents</code> nor{' '}
        <code>query cacheSnapshot</code>.
      </p>
      <p>
        {rows === 0
          ? 'Responses on this page have reported no cached field yet.'
          : `The responses on this page have reported ${formatCount(rows)} cached fields, ${formatCount(hits)} of them from the cache (${formatPercent((100 * hits) / rows)}).`}
      </p>
      <WhatHappened timeline={timeline} clockOffsetMs={0} />
    </div>
  );
}
