/** How many times as fast the cache is, in large type. */
import type { ReactElement } from 'react';
import { formatFactor } from '../words/format.ts';

/** The resolution of a browser's clock. A duration below it would give any factor. */
const msMin = 0.1;

/** Repeated measurements differ by this much. */
const noiseFactor = 1.05;

export interface FactorProps {
  readonly databaseMs: number;
  readonly cacheMs: number;
  /** Of what: `at p50`. */
  readonly scope?: string;
}

export function Factor({ databaseMs, cacheMs, scope }: FactorProps): ReactElement {
  const factor = Math.max(databaseMs, msMin) / Math.max(cacheMs, msMin);
  const [times, word] = factor >= 1 ? [factor, 'faster'] : [1 / factor, 'slower'];
  return (
    <p className={`cache-panel-large ${word}`}>
      {times < noiseFactor ? (
        'As fast as the database'
      ) : (
        <>
          <strong>{formatFactor(times)}</strong> {word}
        </>
      )}
      {scope === undefined ? null : <small> {scope}</small>}
    </p>
  );
}
