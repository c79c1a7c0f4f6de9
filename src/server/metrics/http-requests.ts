import type { Registry } from 'prom-client';
import type { HttpAnswer, MeasuredAnswer } from '../transport/http-answer.ts';
import { DurationHistogram, type DurationSeries } from './duration-histogram.ts';

/** A cached response takes some tens of microseconds, a load of the shop's data some hundred milliseconds. */
const buckets = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** The requests of all paths, by status and by how they were answered. Returns the function to call when one has ended. */
export function addHttpMetrics(registry: Registry): (measured: MeasuredAnswer) => void {
  const durations = new DurationHistogram({
    registry,
    name: 'http_request_duration_seconds',
    help: 'Time until the response was sent, by status and by how the request was answered.',
    labelNames: ['answer', 'status'],
    buckets,
  });
  const series = new Map<HttpAnswer, Map<number | undefined, DurationSeries>>();
  return ({ answer, status, durationMs }) => {
    let byStatus = series.get(answer);
    if (byStatus === undefined) series.set(answer, (byStatus = new Map()));
    let known = byStatus.get(status);
    if (known === undefined) {
      known = durations.series({ answer, status: String(status ?? 'none') });
      byStatus.set(status, known);
    }
    known.observe(durationMs);
  };
}
