import type { ChangeFeed, FeedState } from '../src/database/index.ts';
import { builder } from './builder.ts';
import { rounded } from './rounded.ts';

const ChangeFeedState = builder.enumType('ChangeFeedState', {
  values: {
    STARTING: { value: 'starting' },
    READING: { value: 'reading', description: 'This process reads the changes, and invalidates for all.' },
    WAITING: { value: 'waiting', description: 'Another process does, and this one takes over if it ends.' },
    INTERRUPTED: { value: 'interrupted', description: 'The database cannot be reached; it is tried again.' },
    OFF: { value: 'off', description: 'The database is not set up for it; the log says what to run.' },
    CLOSED: { value: 'closed' },
  } as const satisfies Record<string, { value: FeedState; description?: string }>,
});

export const ChangeFeedStats = builder.objectRef<ChangeFeed>('ChangeFeedStats').implement({
  description:
    'What depends on rows that any program changes in the database is invalidated. Since this process started.',
  fields: (t) => ({
    state: t.field({ type: ChangeFeedState, resolve: ({ status }) => status.state }),
    transactions: t.float({
      description: 'Transactions whose changes were read.',
      resolve: ({ status }) => status.transactions,
    }),
    invalidations: t.float({ resolve: ({ status }) => status.invalidations }),
    retries: t.float({
      description: 'Invalidations that were tried again, because the store was unavailable.',
      resolve: ({ status }) => status.retries,
    }),
    lagMs: t.float({
      description: 'How long the oldest change that is not invalidated yet has been waiting.',
      resolve: ({ status }) => rounded(status.lagMs),
    }),
    lagBytes: t.float({ description: 'Of the write-ahead log.', resolve: ({ status }) => status.lagBytes }),
    retainedBytes: t.float({
      nullable: true,
      description: 'Of the write-ahead log, which the database keeps until they are read. Null if it cannot be asked.',
      resolve: (feed) => feed.retainedBytes(),
    }),
  }),
});
