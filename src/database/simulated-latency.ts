import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that `SIMULATED_LATENCY` adds to a query's path to the database. */
export const simulatedLatencyMs = { categoryStats: 300, searchProducts: 250, topProducts: 350 } as const;

/** Resolves after this many milliseconds. */
export type Wait = (ms: number) => Promise<unknown>;

/** Runs `load`, after the query's latency if it is simulated. */
type SimulatedLatency = <T>(query: keyof typeof simulatedLatencyMs, load: () => Promise<T>) => Promise<T>;

/**
 * The network that a demonstration on one machine lacks: 300, 250 and 350 ms on the shop's three queries, and on no others.
 *
 * The query is delayed, not its result: PostgreSQL works after the delay, so that it does not take the processor from the cached fields
 * that are measured at the same time.
 */
export function simulatedLatency(isOn: boolean, wait: Wait = delay): SimulatedLatency {
  if (!isOn) return (_query, load) => load();
  return async (query, load) => {
    await wait(simulatedLatencyMs[query]);
    return await load();
  };
}
