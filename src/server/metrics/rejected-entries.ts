import { Counter, type Registry } from 'prom-client';
import type { CacheListener } from '../../cache/index.ts';

/** Stored values that were found and not used. */
export function addRejectedEntryMetrics(registry: Registry): CacheListener {
  const rejected = new Counter({
    name: 'cachepot_entries_rejected_total',
    help: 'Stored values that were found and not used, because they were invalidated or are corrupt.',
    labelNames: ['field', 'reason'],
    registers: [registry],
  });
  // Without the codec: its name was read from the store, so there may be any number.
  const undecoded = new Counter({
    name: 'cachepot_decode_failures_total',
    help: 'Stored instances whose codec is missing or has failed; the entry is then rejected as corrupt.',
    registers: [registry],
  });
  return (event) => {
    if (event.type === 'entry-rejected') rejected.inc({ field: event.field, reason: event.reason });
    else if (event.type === 'decode-failed') undecoded.inc();
  };
}
