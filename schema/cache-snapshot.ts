import { CacheBackend } from './cache-stats.ts';
import { historyEventsMax, type HistoryEvent } from './cache-history.ts';
import { builder } from './builder.ts';
import { consoleOnly } from './console-only.ts';
import { takeSnapshot, type Snapshot } from './take-snapshot.ts';

const CacheEventKind = builder.enumType('CacheEventKind', {
  description: 'What has happened to the cache.',
  values: {
    FLUSH: { value: 'flush' },
    INVALIDATION: { value: 'invalidation' },
    STORE_UNAVAILABLE: { value: 'store-unavailable', description: 'The store has lost its connection.' },
    STORE_AVAILABLE: { value: 'store-available' },
    CIRCUIT_OPENED: { value: 'circuit-opened', description: 'The store fails too often; requests bypass it.' },
    CIRCUIT_CLOSED: { value: 'circuit-closed' },
  } as const,
});

const CacheEvent = builder.objectRef<HistoryEvent>('CacheEvent').implement({
  fields: (t) => ({
    at: t.exposeFloat('atMs', { description: 'Milliseconds since 1970.' }),
    kind: t.expose('kind', { type: CacheEventKind }),
    detail: t.exposeString('detail', {
      description: 'Such as the tags that were invalidated, or the number of keys removed; at most 200 characters.',
    }),
  }),
});

export const CacheSnapshot = builder.objectRef<Snapshot>('CacheSnapshot').implement({
  description: 'The state of the cache at one moment. Counts are those since this process started.',
  fields: (t) => ({
    at: t.exposeFloat('atMs', { description: 'Milliseconds since 1970.' }),
    hits: t.exposeFloat('hits'),
    misses: t.exposeFloat('misses'),
    loads: t.exposeFloat('loads'),
    keys: t.int({
      nullable: true,
      description:
        'Values in this namespace, counted at most two seconds ago; null if the store did not say within half a second.',
      resolve: ({ usage }) => usage?.keys,
    }),
    memoryUsed: t.float({
      nullable: true,
      description:
        'Bytes that Redis uses, or that the memory store holds, at most two seconds ago; null if the store did not say within half a second.',
      resolve: ({ usage }) => usage?.memoryUsed,
    }),
    backend: t.expose('backend', { type: CacheBackend }),
    isStoreAvailable: t.exposeBoolean('isStoreAvailable'),
    isCircuitOpen: t.exposeBoolean('isCircuitOpen', {
      description: 'Whether the store failed too often, so that requests bypass it.',
    }),
    events: t.expose('events', {
      type: [CacheEvent],
      description: 'The oldest first; at most 500, and none older than five minutes.',
      complexity: { field: 1, multiplier: historyEventsMax },
    }),
  }),
});

builder.queryField('cacheSnapshot', (t) =>
  t.field({
    type: CacheSnapshot,
    description: 'The cache now, and what has happened to it since a time; for clients that cannot subscribe.',
    args: {
      since: t.arg.float({ description: '`at` of an earlier snapshot. Default: the events of the last five minutes.' }),
    },
    extensions: consoleOnly,
    resolve: (_parent, { since }, context) => takeSnapshot(context, since ?? undefined),
  }),
);
