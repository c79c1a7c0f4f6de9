/** What Prometheus reads at `/metrics`. Names and units: https://prometheus.io/docs/practices/naming/ */
import { Registry } from 'prom-client';
import type { Cache, Cdn, WarmUpResult } from '../../cache/index.ts';
import type { ChangeFeed, ConnectionPool } from '../../database/index.ts';
import type { MeasuredAnswer } from '../transport/http-answer.ts';
import { addFeedMetrics } from './feed.ts';
import { addFieldRequestMetrics } from './field-requests.ts';
import { addHttpMetrics } from './http-requests.ts';
import { addInvalidationMetrics } from './invalidations.ts';
import { addBulkheadMetrics, addLoadMetrics } from './loads.ts';
import { addMemoryMetrics } from './memory.ts';
import { addPoolMetrics } from './pool.ts';
import { addProcessMetrics } from './process.ts';
import { addPurgeMetrics, addWaitingPurgeMetrics } from './purges.ts';
import { addRejectedEntryMetrics } from './rejected-entries.ts';
import { addShadowMetrics } from './shadow.ts';
import { addStoreMetrics } from './store.ts';
import { addTrafficMetrics } from './traffic.ts';
import { addWarmUpMetrics } from './warm-up.ts';

/** What is measured. */
export interface Measured {
  readonly cache: Cache;
  /** Undefined without a database, or without a change feed. */
  readonly pool?: ConnectionPool | undefined;
  readonly changeFeed?: ChangeFeed | undefined;
  /** Undefined without a CDN. */
  readonly cdn?: Pick<Cdn, 'waiting'> | undefined;
}

/** The metrics, and the functions by which the server reports what they cannot read themselves. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts a request that has ended. */
  readonly answered: (measured: MeasuredAnswer) => void;
  /** Counts a request or connection that this limit of `traffic.ts` has ended. */
  readonly refused: (limit: string) => void;
  /** Reports the result of a warm-up. */
  readonly warmedUp: (result: WarmUpResult) => void;
}

export function createMetrics({ cache, pool, changeFeed, cdn }: Measured): Metrics {
  const registry = new Registry();
  const answered = addHttpMetrics(registry);
  const refused = addTrafficMetrics(registry);
  addCacheMetrics(registry, cache);
  if (changeFeed !== undefined) addFeedMetrics(registry, changeFeed);
  if (pool !== undefined) addPoolMetrics(registry, pool);
  if (cdn !== undefined) addWaitingPurgeMetrics(registry, cdn);
  const warmedUp = addWarmUpMetrics(registry);
  addProcessMetrics(registry);
  return { registry, answered, refused, warmedUp };
}

function addCacheMetrics(registry: Registry, cache: Cache): void {
  const onRequest = addFieldRequestMetrics(registry);
  const onLoad = addLoadMetrics(registry);
  const onRejectedEntry = addRejectedEntryMetrics(registry);
  const onInvalidation = addInvalidationMetrics(registry);
  const onStore = addStoreMetrics(registry);
  const onShadow = addShadowMetrics(registry);
  const onPurge = addPurgeMetrics(registry);
  addBulkheadMetrics(registry, cache);
  addMemoryMetrics(registry, cache);
  // One listener for all, because each listener costs every hit some nanoseconds.
  cache.on((event) => {
    if ('durationMs' in event) return onRequest(event);
    onLoad(event);
    onRejectedEntry(event);
    onInvalidation(event);
    onStore(event);
    onShadow(event);
    onPurge(event);
  });
}
