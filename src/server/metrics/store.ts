import { Counter, Gauge, type Registry } from 'prom-client';
import type { CacheListener } from '../../cache/index.ts';

/** The store, with its circuit breaker. */
export function addStoreMetrics(registry: Registry): CacheListener {
  const failures = new Counter({
    name: 'cachepot_store_failures_total',
    help: 'Round trips to the store that failed, by the first call in them that failed.',
    labelNames: ['operation'],
    registers: [registry],
  });
  const slowCalls = new Counter({
    name: 'cachepot_store_slow_total',
    help: 'Calls to the store that a fetch did not wait for, because its calls together took too long.',
    labelNames: ['operation'],
    registers: [registry],
  });
  const breaker = new Gauge({
    name: 'cachepot_breaker_open',
    help: '1 while the circuit is open: the store failed too often and is not asked.',
    registers: [registry],
  });
  return (event) => {
    if (event.type === 'store-failed') failures.inc({ operation: event.operation });
    else if (event.type === 'store-slow') slowCalls.inc({ operation: event.operation });
    else if (event.type === 'breaker-opened') breaker.set(1);
    else if (event.type === 'breaker-closed') breaker.set(0);
  };
}
