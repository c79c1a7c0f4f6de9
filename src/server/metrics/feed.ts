import type { Registry } from 'prom-client';
import type { ChangeFeed } from '../../database/index.ts';
import { counterOnScrape, gaugeOnScrape } from './on-scrape.ts';

/** The change feed. */
export function addFeedMetrics(registry: Registry, feed: ChangeFeed): void {
  gaugeOnScrape(registry, {
    name: 'cachepot_feed_up',
    help: '1 while this process or another one reads the changes of the database; NaN if the database was never set up for it.',
    read: () => (wasNeverOn(feed) ? NaN : Number(['reading', 'waiting'].includes(feed.status.state))),
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_feed_reading',
    help: '1 while this process reads the changes, and invalidates for all.',
    read: () => Number(feed.status.state === 'reading'),
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_feed_lag_seconds',
    help: 'How long the oldest change that is not invalidated yet has been waiting.',
    read: () => feed.status.lagMs / 1_000,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_feed_lag_bytes',
    help: 'Bytes of the write-ahead log whose changes are not invalidated yet.',
    read: () => feed.status.lagBytes,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_feed_retained_bytes',
    help: 'Bytes of the write-ahead log that PostgreSQL retains for the feed; NaN if this process does not read.',
    read: async () => (feed.status.state === 'reading' ? ((await feed.retainedBytes()) ?? NaN) : NaN),
  });
  counterOnScrape(registry, {
    name: 'cachepot_feed_transactions_total',
    help: 'Transactions whose changes were read.',
    read: () => feed.status.transactions,
  });
  counterOnScrape(registry, {
    name: 'cachepot_feed_invalidations_total',
    help: 'Invalidations, of up to 500 tags each.',
    read: () => feed.status.invalidations,
  });
  counterOnScrape(registry, {
    name: 'cachepot_feed_retries_total',
    help: 'Invalidations that were tried again, because the store was unavailable.',
    read: () => feed.status.retries,
  });
}

/** With `CHANGE_FEED=auto`, a database need not be set up for the feed. The slot is known once the feed has run in this process. */
function wasNeverOn({ status: { state, slot } }: ChangeFeed): boolean {
  return state === 'off' && slot === undefined;
}
