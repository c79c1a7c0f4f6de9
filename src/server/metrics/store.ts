import { Counter, Gauge, type Registry } from 'prom-client';
import type { Cache, CacheListener } from '../../cache/index.ts';
import { gaugeOnScrape } from './on-scrape.ts';

/** The store, with its circuit breaker. */
export function addStoreMetrics(registry: Registry): CacheListener {
  const failures = new Counter({
    name: 'cachepot_store_failures_total',
    help: 'Round trips to the store that failed, by the first call in them that did.',
    labelNames: ['operation'],
    registers: [registry],
  });
  const slowCalls = new Counter({
    name: 'cachepot_store_slow_total',
    help: 'Calls of the store that a fetch did not wait for, because its calls together took too long.',
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

/** The memory tier, if there is one. */
export function addMemoryMetrics(registry: Registry, { memory }: Pick<Cache, 'memory'>): void {
  if (memory === undefined) return;
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_coherent',
    help: '1 while the memory tier serves values, because every change in Redis is known.',
    read: () => Number(memory.isCoherent),
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_heartbeat_age_seconds',
    help: 'Age of the last heartbeat that came back through Redis; coherent below 0.5, +Inf after a reconnect.',
    read: () => memory.heartbeatAgeMs / 1_000,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_bytes',
    help: 'Approximate size of the memory tier in bytes.',
    read: () => memory.bytes,
  });
}
