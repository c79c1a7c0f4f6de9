import { Counter, type Registry } from 'prom-client';
import type { CacheEvent } from '../../cache/index.ts';
import { DurationHistogram } from './duration-histogram.ts';

/** The event of a request of a cached field. */
type FieldRequest = Extract<CacheEvent, { readonly durationMs: number }>;

/** A hit in memory takes a microsecond, one in Redis a round trip; a fetch waits for the store for 100 ms at most. */
const hitBuckets = [1e-6, 2e-6, 5e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1];

/** The requests of cached fields. Returns the function to call with the event of each one. It is fast, because each hit waits for it. */
export function addFieldRequestMetrics(registry: Registry): (event: FieldRequest) => void {
  const counts = new RequestCounts();
  const requests: Counter<'field' | 'state' | 'tier'> = new Counter({
    name: 'cachepot_requests_total',
    help: 'Requests of cached fields, by how they were answered.',
    labelNames: ['field', 'state', 'tier'],
    registers: [registry],
    collect() {
      requests.reset();
      for (const { count, ...labels } of counts.all()) requests.inc(labels, count);
    },
  });
  // Without fields: hits differ by tier, and each series has sixteen lines.
  const hits = new DurationHistogram({
    registry,
    name: 'cachepot_hit_seconds',
    help: 'Time from the request of a field until its fresh value was read from the cache, by tier.',
    labelNames: ['tier'],
    buckets: hitBuckets,
  });
  const hitsOf = { memory: hits.series({ tier: 'memory' }), redis: hits.series({ tier: 'redis' }) };
  return (event) => {
    counts.add(event.field, event.type, 'tier' in event ? event.tier : 'none');
    if (event.type === 'hit') hitsOf[event.tier].observe(event.durationMs);
  };
}

/** The number of requests of each field, by state and tier. A counter of `prom-client` hashes its labels at each hit, which costs more. */
class RequestCounts {
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
