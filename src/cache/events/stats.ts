import type { CacheEvent, CacheListener } from './events.ts';

/** Counts of one field, or of all, since the process started. */
export interface Counts {
  readonly hits: number;
  /** Requests that the cache had no value for, those that boarded another's load included. */
  readonly misses: number;
  readonly loads: number;
  readonly meanLoadMs: number;
  /** What the loads that hits spared took, less what the hits took. */
  readonly savedMs: number;
}

/** What this process' requests met: listens to `cache`. A bypass counts neither as hit nor as miss. */
export class CacheStats {
  readonly #fields = new Map<string, FieldCounts>();

  /** @param cache What is counted: a `Cache`. */
  constructor(cache: { on(listener: CacheListener): () => void }) {
    cache.on((event) => this.#count(event));
  }

  /** The sums over all fields; `hitRate` in percent, 0 where there was no request. */
  total(): { hits: number; misses: number; hitRate: number } {
    const counts = [...this.#fields.values()];
    const hits = counts.reduce((sum, field) => sum + field.hits, 0);
    const misses = counts.reduce((sum, field) => sum + field.misses, 0);
    return { hits, misses, hitRate: hits + misses === 0 ? 0 : (100 * hits) / (hits + misses) };
  }

  /** By field, in the order of their names. */
  fields(): (Counts & { readonly field: string })[] {
    const byName = [...this.#fields].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([field, { hits, misses, loads, loadMsSum, savedMs }]) => {
      return { field, hits, misses, loads, meanLoadMs: loads === 0 ? 0 : loadMsSum / loads, savedMs };
    });
  }

  #count(event: CacheEvent): void {
    switch (event.type) {
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
