import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Cache } from '../../cache/index.ts';
import type { ChangeFeed } from '../../database/index.ts';
import { addFeedMetrics } from './feed.ts';

/** The metrics, and how the server reports what the cache does not know. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts a request or connection that this limit of `traffic.ts` has ended. */
  readonly refused: (limit: string) => void;
}

/** What Prometheus reads at `/metrics`: the process, and what the cache did. */
export function createMetrics(cache: Cache, changeFeed?: ChangeFeed): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addFieldMetrics(registry, cache);
  addStoreMetrics(registry, cache);
  addMemoryMetrics(registry, cache);
  addBulkheadMetrics(registry, cache);
  if (changeFeed !== undefined) addFeedMetrics(registry, changeFeed);
  const trafficRefusals = new Counter({
    name: 'cachepot_traffic_refused_total',
    help: 'Connections and requests that a limit on traffic has ended, by limit.',
    labelNames: ['limit'],
    registers: [registry],
  });
  return { registry, refused: (limit) => trafficRefusals.inc({ limit }) };
}

function addFieldMetrics(registry: Registry, cache: Cache): void {
  const registers = [registry];
  const answers = new AnswerCounts();
  const requests: Counter<'field' | 'state' | 'tier'> = new Counter({
    name: 'cachepot_requests_total',
    help: 'Requests of cached fields, by how they were answered.',
    labelNames: ['field', 'state', 'tier'],
    registers,
    collect() {
      requests.reset();
      for (const { count, ...labels } of answers.all()) requests.inc(labels, count);
    },
  });
  const loads = new Histogram({
    name: 'cachepot_load_seconds',
    help: 'Time that the resolvers of cached fields took to fill the cache.',
    labelNames: ['field'],
    buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'cachepot_writes_refused_total',
    help: 'Loaded values that were not stored, by reason.',
    labelNames: ['field', 'reason'],
    registers,
  });
  const leaseTimeouts = new Counter({
    name: 'cachepot_lease_timeouts_total',
    help: 'Requests that waited for another process to load, and then loaded for themselves.',
    labelNames: ['field'],
    registers,
  });
  const refills = new Counter({
    name: 'cachepot_refills_total',
    help: 'Invalidated values that were loaded again in the background.',
    labelNames: ['field'],
    registers,
  });
  cache.on((event) => {
    if (event.type === 'load') loads.observe({ field: event.field }, event.loadMs / 1_000);
    else if (event.type === 'write-refused') refusals.inc({ field: event.field, reason: event.reason });
    else if (event.type === 'lease-timeout') leaseTimeouts.inc({ field: event.field });
    else if (event.type === 'refill') refills.inc({ field: event.field });
    else if ('durationMs' in event) answers.add(event.field, event.type, 'tier' in event ? event.tier : 'none');
  });
}

function addStoreMetrics(registry: Registry, cache: Cache): void {
  const registers = [registry];
  const failures = new Counter({
    name: 'cachepot_store_failures_total',
    help: 'Round trips to the store that failed, by the first call in them that did.',
    labelNames: ['operation'],
    registers,
  });
  const slowCalls = new Counter({
    name: 'cachepot_store_slow_total',
    help: 'Calls of the store that a fetch did not wait for, because its calls together took too long.',
    labelNames: ['operation'],
    registers,
  });
  const breaker = new Gauge({
    name: 'cachepot_breaker_open',
    help: '1 while the circuit is open: the store failed too often and is not asked.',
    registers,
  });
  cache.on((event) => {
    if (event.type === 'store-failed') failures.inc({ operation: event.operation });
    else if (event.type === 'store-slow') slowCalls.inc({ operation: event.operation });
    else if (event.type === 'breaker-opened') breaker.set(1);
    else if (event.type === 'breaker-closed') breaker.set(0);
  });
}

function addBulkheadMetrics(registry: Registry, { bulkhead }: Cache): void {
  if (bulkhead === undefined) return;
  const running: Gauge = new Gauge({
    name: 'cachepot_loads_running',
    help: 'Loads that run now; LOADS_AT_ONCE at most.',
    registers: [],
    collect: () => running.set(bulkhead.running),
  });
  const waiting: Gauge = new Gauge({
    name: 'cachepot_loads_waiting',
    help: 'Loads that wait because too many run.',
    registers: [],
    collect: () => waiting.set(bulkhead.waiting),
  });
  for (const gauge of [running, waiting]) registry.registerMetric(gauge);
}

function addMemoryMetrics(registry: Registry, { memory }: Cache): void {
  if (memory === undefined) return;
  const coherent: Gauge = new Gauge({
    name: 'cachepot_memory_coherent',
    help: '1 while the memory tier serves values, because every change in Redis is known.',
    registers: [],
    collect: () => coherent.set(memory.isCoherent ? 1 : 0),
  });
  const bytes: Gauge = new Gauge({
    name: 'cachepot_memory_bytes',
    help: 'Approximate size of the memory tier in bytes.',
    registers: [],
    collect: () => bytes.set(memory.bytes),
  });
  registry.registerMetric(coherent);
  registry.registerMetric(bytes);
}

/** How often each field was answered, and how. A counter of `prom-client` hashes its labels at each hit, which costs more. */
class AnswerCounts {
  readonly #fields = new Map<string, { state: string; tier: string; count: number }[]>();

  add(field: string, state: string, tier: string): void {
    const rows = this.#fields.get(field);
    const row = rows?.find((one) => one.state === state && one.tier === tier);
    if (row !== undefined) row.count += 1;
    else if (rows === undefined) this.#fields.set(field, [{ state, tier, count: 1 }]);
    else rows.push({ state, tier, count: 1 });
  }

  *all(): Generator<{ field: string; state: string; tier: string; count: number }> {
    for (const [field, rows] of this.#fields) for (const row of rows) yield { field, ...row };
  }
}
