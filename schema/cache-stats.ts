import type { Cache, CacheStats as Stats, StoreUsage } from '../src/cache/index.ts';
import type { ChangeFeed } from '../src/database/index.ts';
import { builder } from './builder.ts';
import { reachable } from './cache-unavailable.ts';
import { ChangeFeedStats } from './change-feed-stats.ts';
import { rounded } from './rounded.ts';

export const CacheBackend = builder.enumType('CacheBackend', {
  description: 'Where values are stored.',
  values: { REDIS: { value: 'redis' }, MEMORY: { value: 'memory' } } as const,
});

const FieldCacheStats = builder.objectRef<ReturnType<Stats['fields']>[number]>('FieldCacheStats').implement({
  fields: (t) => ({
    field: t.exposeString('field', { description: 'Type.field' }),
    hits: t.exposeFloat('hits'),
    misses: t.exposeFloat('misses'),
    loads: t.exposeFloat('loads', { description: 'How often its resolver ran to fill the cache.' }),
    meanLoadMs: t.float({ resolve: ({ meanLoadMs }) => rounded(meanLoadMs) }),
    savedMs: t.float({
      description: 'Milliseconds that hits have saved, in total.',
      resolve: ({ savedMs }) => rounded(savedMs),
    }),
  }),
});

const CacheStats = builder
  .objectRef<{ cache: Cache; stats: Stats; changeFeed: ChangeFeed | undefined }>('CacheStats')
  .implement({
    description: 'Since this process started. A bypass counts neither as hit nor as miss.',
    fields: (t) => ({
      hits: t.float({ resolve: ({ stats }) => stats.total().hits }),
      misses: t.float({ resolve: ({ stats }) => stats.total().misses }),
      hitRate: t.float({ description: 'In percent.', resolve: ({ stats }) => rounded(stats.total().hitRate) }),
      memoryUsed: t.float({
        description: 'Bytes that Redis uses, or that the memory store holds.',
        resolve: async ({ cache }) => (await usageOf(cache)).memoryUsed,
      }),
      keys: t.int({
        description: 'Values in this namespace, counted at most two seconds ago.',
        resolve: async ({ cache }) => (await usageOf(cache)).keys,
      }),
      backend: t.field({ type: CacheBackend, resolve: ({ cache }) => cache.tier }),
      changeFeed: t.field({
        type: ChangeFeedStats,
        nullable: true,
        description: 'Null if it is switched off.',
        resolve: ({ changeFeed }) => changeFeed,
      }),
      fields: t.field({ type: [FieldCacheStats], resolve: ({ stats }) => stats.fields() }),
    }),
  });

builder.queryField('cacheStats', (t) =>
  t.field({
    type: CacheStats,
    resolve: (_parent, _args, { cache, cacheStats, changeFeed }) => ({ cache, stats: cacheStats, changeFeed }),
  }),
);

function usageOf(cache: Cache): Promise<StoreUsage> {
  return reachable(cache.usage());
}
