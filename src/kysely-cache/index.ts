/** Automatic tags: the tables that a cached load's SQL reads, those that a transaction writes, and those that any program changes. */
export { touchedTables, type TouchedTables } from './touched-tables.ts';
export type { Writing, WritingOptions } from './writes/writing.ts';
export { changeFeed, type ChangeFeed } from './feed/change-feed.ts';
export type { ChangeFeedOptions } from './feed/feed-options.ts';
export type { FeedState, FeedStatus } from './feed/change-feed.ts';
export type { LineageRow } from './feed/lineage.ts';
export type { DeliveryCounts } from './feed/delivery.ts';
export { FeedError, type FeedErrorCode } from './feed/feed-error.ts';
export { feedSetup, installFeed, removeFeed, type FeedInstallation, type FeedSetup } from './feed/setup.ts';
export type { FeedSlot, InstalledFeed, SqlClient } from './feed/setup.ts';
