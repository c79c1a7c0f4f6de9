import type { CacheEvent, CacheListener } from './events.ts';

/** The counts of one field, or of all fields, since the process started. */
export interface Counts {
  /** Requests that received a stored value, fresh or stale. */
  readonly hits: number;
  /** Requests for which the cache had no value, including those that shared another request's load. */
  readonly misses: number;
  readonly loads: number;
  readonly meanLoadMs: number;
  /** The time that hits have saved: that of the loads they replaced, less their own. */
  readonly savedMs: number;
}

/**
 * Counts the events of a cache in this process. A bypass or a refresh counts neither as a hit nor as a miss. Every field name that is fetched
 * has a row of its own until the process ends, so put what varies into `args` rather than into `field`.
 */
export class CacheStats {
  readonly #fields = new Map<string, FieldCounts>();

  /** @param cache The `Cache` to count. */
  constructor(cache: { on(listener: CacheListener): () => void }) {
    cache.on((event) => this.#count(event));
  }

  /** The sums over all fields. `hitRate` is a percentage, 0 if there was no request. */
  total(): { hits: number; misses: number; loads: number; hitRate: number } {
    const counts = [...this.#fields.values()];
    const hits = counts.reduce((sum, field) => sum + field.hits, 0);
    const misses = counts.reduce((sum, field) => sum + field.misses, 0);
    const loads = counts.reduce((sum, field) => sum + field.loads, 0);
    return { hits, misses, loads, hitRate: hits + misses === 0 ? 0 : (100 * hits) / (hits + misses) };
  }

  /** The counts by field, in the order of the names. */
  fields(): (Counts & { readonly field: string })[] {
    const byName = [...this.#fields].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([field, { hits, misses, loads, loadMsSum, savedMs }]) => {
      return { field, hits, misses, loads, meanLoadMs: loads === 0 ? 0 : loadMsSum / loads, savedMs };
    });
  }

  #count(event: CacheEvent): void {
    switch (event.type) {
      case 'stale':
      case 'hit': {
        const counts = this.#of(event.field);
        counts.hits += 1;
        counts.savedMs += Math.max(0, event.loadMs - event.durationMs);
        return;
      }
      case 'miss':
      case 'shared':
        this.#of(event.field).misses += 1;
        return;
      case 'load': {
        const counts = this.#of(event.field);
        counts.loads += 1;
        counts.loadMsSum += event.loadMs;
        return;
      }
      default:
    }
  }

  #of(field: string): FieldCounts {
    const known = this.#fields.get(field);
    if (known !== undefined) return known;
    const counts = { hits: 0, misses: 0, loads: 0, loadMsSum: 0, savedMs: 0 };
    this.#fields.set(field, counts);
    return counts;
  }
}

interface FieldCounts {
  hits: number;
  misses: number;
  loads: number;
  loadMsSum: number;
  savedMs: number;
}
