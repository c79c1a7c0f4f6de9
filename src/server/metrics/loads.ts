import { Counter, Histogram, type Registry } from 'prom-client';
import type { Cache, CacheListener } from '../../cache/index.ts';
import { gaugeOnScrape } from './on-scrape.ts';

/** The loads of each field, and what became of their values. */
export function addLoadMetrics(registry: Registry): CacheListener {
  const durations = new Histogram({
    name: 'cachepot_load_seconds',
    help: 'Time that the resolvers of cached fields took to load a value.',
    labelNames: ['field'],
    buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const count = fieldCounters(registry);
  const failures = count('cachepot_load_failures_total', 'Loads that failed.');
  const hidden = count(
    'cachepot_failures_hidden_total',
    'Requests that received an expired value because their load failed.',
  );
  const background = count(
    'cachepot_background_failures_total',
    'Loads that failed in the background: refreshes of values that requests still receive, and refills.',
  );
  const storedBytes = count(
    'cachepot_stored_bytes_total',
    'Bytes of the values that were stored, in their stored form.',
  );
  const leaseTimeouts = count(
    'cachepot_lease_timeouts_total',
    'Requests that stopped waiting for the load of another process, and loaded for themselves.',
  );
  const refreshes = count(
    'cachepot_refreshes_total',
    'Values that were loaded again in the background because they were stale or about to expire.',
  );
  const refills = count('cachepot_refills_total', 'Invalidated values that were loaded again in the background.');
  const refusals = new Counter({
    name: 'cachepot_writes_refused_total',
    help: 'Loaded values that were not stored, by reason.',
    labelNames: ['field', 'reason'],
    registers: [registry],
  });
  return (event) => {
    if (event.type === 'load') {
      durations.observe({ field: event.field }, event.loadMs / 1_000);
      if (event.isRefresh === true) refreshes.inc({ field: event.field });
    } else if (event.type === 'load-failed') failures.inc({ field: event.field });
    else if (event.type === 'failure-hidden') hidden.inc({ field: event.field });
    else if (event.type === 'background-failed') background.inc({ field: event.field });
    else if (event.type === 'write') storedBytes.inc({ field: event.field }, event.textBytes);
    else if (event.type === 'write-refused') refusals.inc({ field: event.field, reason: event.reason });
    else if (event.type === 'lease-timeout') leaseTimeouts.inc({ field: event.field });
    else if (event.type === 'refill') refills.inc({ field: event.field });
  };
}

/** Creates counters by field. */
function fieldCounters(registry: Registry): (name: string, help: string) => Counter<'field'> {
  return (name, help) => new Counter({ name, help, labelNames: ['field'], registers: [registry] });
}

/** The limit on loads, if there is one. */
export function addBulkheadMetrics(registry: Registry, { bulkhead }: Pick<Cache, 'bulkhead'>): void {
  if (bulkhead === undefined) return;
  gaugeOnScrape(registry, {
    name: 'cachepot_loads_running',
    help: 'Loads that run now, at most LOADS_AT_ONCE.',
    read: () => bulkhead.running,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_loads_waiting',
    help: 'Loads that wait for a slot of LOADS_AT_ONCE.',
    read: () => bulkhead.waiting,
  });
}
