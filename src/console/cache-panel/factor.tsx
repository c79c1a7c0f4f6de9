/** How many times as fast the cache is, in large type. */
import type { ReactElement } from 'react';
import { formatFactor } from './format.ts';

/** The resolution of a browser's clock. A duration below it would give any factor. */
const msMin = 0.1;

export interface FactorProps {
  readonly databaseMs: number;
  readonly cacheMs: number;
  /** Of what: `at p50`. */
  readonly scope?: string;
}

export function Factor({ databaseMs, cacheMs, scope }: FactorProps): ReactElement {
  const factor = Math.max(databaseMs, msMin) / Math.max(cacheMs, msMin);
  return (
    <p className="cache-panel-large">
      <strong>{formatFactor(factor >= 1 ? factor : 1 / factor)}</strong> {factor >= 1 ? 'faster' : 'slower'}
      {scope === undefined ? null : <small> {scope}</small>}
    </p>
  );
}
