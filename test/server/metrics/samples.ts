import type { Metrics } from '../../../src/server/metrics/metrics.ts';

/** The samples of metrics whose names begin so. */
export async function samplesOf({ registry }: Metrics, prefix: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(prefix));
}
