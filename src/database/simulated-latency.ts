import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that `SIMULATED_LATENCY` adds to a query's path to the database. */
export const SIMULATED_LATENCY_MS = { categoryStats: 300, searchProducts: 250, topProducts: 350 } as const;

/** Runs `load`, and where latency is simulated holds its answer back for the query's time. */
export type SimulatedLatency = <T>(query: keyof typeof SIMULATED_LATENCY_MS, load: () => Promise<T>) => Promise<T>;

/**
 * The network that a demonstration on one machine lacks: 300, 250 and 350 ms on the shop's three queries, on no others.
 *
 * The answer is held back, not the question, so that an error comes at once, and a value that is about to be cached is
 * as old as it would be after a slow road.
 */
export function simulatedLatency(isOn: boolean): SimulatedLatency {
  if (!isOn) return (_query, load) => load();
  return async (query, load) => {
    const value = await load();
    await delay(SIMULATED_LATENCY_MS[query]);
    return value;
  };
}
