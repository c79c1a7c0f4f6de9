import type { Cache, CacheStats as Stats, StoreUsage } from '../src/cache/index.ts';
import { builder } from './builder.ts';
import { reachable } from './cache-unavailable.ts';

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

const CacheStats = builder.objectRef<{ cache: Cache; stats: Stats }>('CacheStats').implement({
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
    fields: t.field({ type: [FieldCacheStats], resolve: ({ stats }) => stats.fields() }),
  }),
});

builder.queryField('cacheStats', (t) =>
  t.field({ type: CacheStats, resolve: (_parent, _args, { cache, cacheStats }) => ({ cache, stats: cacheStats }) }),
);

function usageOf(cache: Cache): Promise<StoreUsage> {
  return reachable(cache.usage());
}

/** To two places: people read these figures. */
function rounded(figure: number): number {
  return Math.round(100 * figure) / 100;
}
