import { builder } from './builder.ts';
import { CacheSnapshot } from './cache-snapshot.ts';
import { liveSnapshots } from './live-snapshots.ts';

builder.subscriptionField('cacheEvents', (t) =>
  t.field({
    type: CacheSnapshot,
    description:
      'The cache now, whenever something happens to it, and every second. Each snapshot has the events since the previous one.',
    args: {
      since: t.arg.float({ description: '`at` of the last snapshot that a lost connection has delivered.' }),
    },
    subscribe: (_root, { since }, context) => liveSnapshots(context, since ?? undefined),
    resolve: (snapshot) => snapshot,
  }),
);
