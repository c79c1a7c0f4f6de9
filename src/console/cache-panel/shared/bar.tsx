/** A horizontal bar. Red with stripes for the database and plain green for the cache, for users who cannot tell the colours apart. */
import type { ReactElement } from 'react';

interface BarProps {
  readonly side: 'database' | 'cache';
  /** Of the longest bar, 0…1. */
  readonly share: number;
  /** The part of it that is simulated, 0…1; it comes first, and is paler. */
  readonly simulatedShare?: number;
}

/** The text next to it has the value, so that the bar itself needs no name. */
export function Bar({ side, share, simulatedShare = 0 }: BarProps): ReactElement {
  return (
    <span className="cache-panel-track" aria-hidden="true">
      {simulatedShare > 0 ? (
        <span className={`cache-panel-bar ${side} simulated`} style={{ width: `${100 * simulatedShare}%` }} />
      ) : null}
      <span className={`cache-panel-bar ${side}`} style={{ width: `${100 * (share - simulatedShare)}%` }} />
    </span>
  );
}
