import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that `SIMULATED_LATENCY` adds to a query's path to the database. */
export const simulatedLatencyMs = { categoryStats: 300, searchProducts: 250, topProducts: 350 } as const;

/** Resolves after so many milliseconds. */
export type Wait = (ms: number) => Promise<unknown>;

/** Runs `load`, where latency is simulated after the query's time. */
type SimulatedLatency = <T>(query: keyof typeof simulatedLatencyMs, load: () => Promise<T>) => Promise<T>;

/**
 * The network that a demonstration on one machine lacks: 300, 250 and 350 ms on the shop's three queries, on no others.
 *
 * The question is held back, not the answer: PostgreSQL works when the time is over, so that it does not take the
 * processor from the cached fields that are measured beside it.
 */
export function simulatedLatency(isOn: boolean, wait: Wait = delay): SimulatedLatency {
  if (!isOn) return (_query, load) => load();
  return async (query, load) => {
    await wait(simulatedLatencyMs[query]);
    return await load();
  };
}
