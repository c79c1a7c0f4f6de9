import { Counter, Gauge, type Registry } from 'prom-client';
import type { ChangeFeed } from '../../database/index.ts';

/** What Prometheus reads of the change feed. */
export function addFeedMetrics(registry: Registry, feed: ChangeFeed): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: async () => metric.set(await read()) });
  };
  gauge('cachepot_feed_up', '1 while this process or another one reads the changes of the database.', () =>
    ['reading', 'waiting'].includes(feed.status.state) ? 1 : 0,
  );
  gauge('cachepot_feed_reading', '1 while this process reads the changes, and invalidates for all.', () =>
    feed.status.state === 'reading' ? 1 : 0,
  );
  gauge(
    'cachepot_feed_lag_seconds',
    'How long the oldest change that is not invalidated yet has been waiting.',
    () => feed.status.lagMs / 1_000,
  );
  gauge('cachepot_feed_lag_bytes', 'Bytes of the log that are not invalidated yet.', () => feed.status.lagBytes);
  gauge(
    'cachepot_feed_retained_bytes',
    'Bytes of the log that the server retains; NaN if this process does not read.',
    async () => (feed.status.state === 'reading' ? ((await feed.retainedBytes()) ?? NaN) : NaN),
  );
  const counter = (name: string, help: string, read: () => number): void => {
    const metric: Counter = new Counter({
      ...{ name, help, registers },
      collect() {
        metric.reset();
        metric.inc(read());
      },
    });
  };
  counter('cachepot_feed_transactions_total', 'Transactions whose changes were read.', () => feed.status.transactions);
  counter(
    'cachepot_feed_invalidations_total',
    'Invalidations, of up to 500 tags each.',
    () => feed.status.invalidations,
  );
  counter(
    'cachepot_feed_retries_total',
    'Invalidations that were tried again, because the store was unavailable.',
    () => feed.status.retries,
  );
}
