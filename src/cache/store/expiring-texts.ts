import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';

interface Item {
  readonly text: string;
  readonly endsAtMs: number;
}

/** The size of an item besides its texts: map entry, list node, objects. Measured, approximately. */
const itemOverheadBytes = 200;

/** Texts by key, each for a limited time, bounded in bytes: the least recently used are evicted first. */
export class ExpiringTexts {
  readonly #items: LRUCache<string, Item>;
  readonly #clock: Clock;

  constructor(bytesMax: number, clock: Clock) {
    this.#clock = clock;
    this.#items = new LRUCache({
      maxSize: Math.max(1, bytesMax), // 0 would mean unbounded
      sizeCalculation: (item, key) => 2 * (item.text.length + key.length) + itemOverheadBytes,
    });
  }

  get(key: string): { readonly text: string; readonly remainingMs: number } | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    const remainingMs = item.endsAtMs - this.#clock.nowMs();
    if (remainingMs > 0) return { text: item.text, remainingMs };
    this.#items.delete(key);
    return undefined;
  }

  set(key: string, text: string, lifeMs: number): void {
    this.#items.set(key, { text, endsAtMs: this.#clock.nowMs() + lifeMs });
  }

  delete(key: string): void {
    this.#items.delete(key);
  }

  clear(): void {
    this.#items.clear();
  }

  /** The number of texts that have not expired; the others are removed. */
  count(): number {
    for (const [key, { endsAtMs }] of this.#items.entries()) {
      if (endsAtMs <= this.#clock.nowMs()) this.#items.delete(key);
    }
    return this.#items.size;
  }

  get bytes(): number {
    return this.#items.calculatedSize;
  }
}
