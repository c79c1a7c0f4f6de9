import { Counter, type Registry } from 'prom-client';

/** What limits on traffic have ended. Returns the function to call with the name of the limit. */
export function addTrafficMetrics(registry: Registry): (limit: string) => void {
  const refusals = new Counter({
    name: 'cachepot_traffic_refused_total',
    help: 'Connections and requests that a limit on traffic has ended, by limit.',
    labelNames: ['limit'],
    registers: [registry],
  });
  return (limit) => refusals.inc({ limit });
}
