import { Counter, type Registry } from 'prom-client';
import type { CacheListener } from '../../cache/index.ts';

/** What shadow mode has found. */
export function addShadowMetrics(registry: Registry): CacheListener {
  const checks = new Counter({
    name: 'cachepot_shadow_checks_total',
    help: 'Hits that were compared with what their loads return, by result.',
    labelNames: ['field', 'result'],
    registers: [registry],
  });
  return (event) => {
    if (event.type === 'shadow-check') checks.inc({ field: event.field, result: event.result });
  };
}
