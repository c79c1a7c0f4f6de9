import { Counter, type Registry } from 'prom-client';
import type { CacheListener } from '../../cache/index.ts';

/** What this process has invalidated. Each series begins with 0, so that its first increase is one. */
export function addInvalidationMetrics(registry: Registry): CacheListener {
  const counter = new Counter({
    name: 'cachepot_invalidations_total',
    help: 'Invalidations by this process: of tags, of single values, of everything, and of what the change feed has read.',
    labelNames: ['operation'],
    registers: [registry],
  });
  for (const operation of ['invalidate', 'feed', 'delete', 'flush']) counter.inc({ operation }, 0);
  return (event) => {
    if (event.type === 'invalidate') counter.inc({ operation: event.isFed === true ? 'feed' : 'invalidate' });
    else if (event.type === 'delete') counter.inc({ operation: 'delete' });
    else if (event.type === 'flush-began') counter.inc({ operation: 'flush' });
  };
}
