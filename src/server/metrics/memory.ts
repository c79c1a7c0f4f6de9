import type { Registry } from 'prom-client';
import type { Cache } from '../../cache/index.ts';
import { gaugeOnScrape } from './on-scrape.ts';

/** The memory tier, if there is one. */
export function addMemoryMetrics(registry: Registry, { memory }: Pick<Cache, 'memory'>): void {
  if (memory === undefined) return;
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_coherent',
    help: '1 while the memory tier serves values, because every change in Redis is known.',
    read: () => Number(memory.isCoherent),
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_heartbeat_age_seconds',
    help: 'Age of the last heartbeat that came back through Redis; coherent below 0.5, +Inf after a reconnect.',
    read: () => memory.heartbeatAgeMs / 1_000,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_memory_bytes',
    help: 'Approximate size of the memory tier in bytes.',
    read: () => memory.bytes,
  });
}
