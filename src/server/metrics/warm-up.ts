import { Gauge, type Registry } from 'prom-client';
import type { WarmUpResult } from '../../cache/index.ts';

/** The last warm-up. Before the first one has ended, there are no counts, and its duration is 0. */
export function addWarmUpMetrics(registry: Registry): (result: WarmUpResult) => void {
  const queries = new Gauge({
    name: 'cachepot_warm_up_queries',
    help: 'Queries of the last warm-up, by result.',
    labelNames: ['result'],
    registers: [registry],
  });
  const duration = new Gauge({
    name: 'cachepot_warm_up_seconds',
    help: 'How long the last warm-up took; 0 before the first.',
    registers: [registry],
  });
  return ({ succeeded, failures, unfinished, durationMs }) => {
    queries.set({ result: 'succeeded' }, succeeded);
    queries.set({ result: 'failed' }, failures.length);
    queries.set({ result: 'unfinished' }, unfinished);
    duration.set(durationMs / 1_000);
  };
}
