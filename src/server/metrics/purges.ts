import { Counter, Gauge, type Registry } from 'prom-client';
import type { CacheListener, Cdn } from '../../cache/index.ts';

/** The calls of `onInvalidate`, and what has become of their tags. Each series begins with 0, so that its first increase is one. */
export function addPurgeMetrics(registry: Registry): CacheListener {
  const calls = new Counter({
    name: 'cachepot_purges_total',
    help: 'Calls that purge tags in the CDN, by result.',
    labelNames: ['result'],
    registers: [registry],
  });
  const givenUp = new Counter({
    name: 'cachepot_purge_tags_given_up_total',
    help: 'Tags that were not purged in the CDN, because every attempt has failed, or because it was closed before.',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const result of ['succeeded', 'failed']) calls.inc({ result }, 0);
  for (const reason of ['attempts', 'closed']) givenUp.inc({ reason }, 0);
  return (event) => {
    if (event.type === 'purge') calls.inc({ result: 'succeeded' });
    else if (event.type === 'purge-failed') calls.inc({ result: 'failed' });
    else if (event.type === 'purge-given-up') givenUp.inc({ reason: event.reason }, event.tags.length);
  };
}

/** What a CDN is still to be purged of. */
export function addWaitingPurgeMetrics(registry: Registry, cdn: Pick<Cdn, 'waiting'>): void {
  const gauge: Gauge<'purge'> = new Gauge({
    name: 'cachepot_purge_tags_waiting',
    help: 'Tags that wait for their first or second purge in the CDN, or for another attempt after a failure.',
    labelNames: ['purge'],
    registers: [registry],
    collect() {
      for (const [purge, count] of Object.entries(cdn.waiting)) gauge.set({ purge }, count);
    },
  });
}
