import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { textCharsOf, type PropertyTexts } from '../entry/properties.ts';

interface Item {
  readonly text: string;
  /** Undefined for a value without properties of its own. */
  readonly properties: PropertyTexts | undefined;
  readonly endsAtMs: number;
}

/** The size of an item besides its texts: map entry, list node, objects. Measured, approximately. */
const itemOverheadBytes = 200;

/** The size of a property besides its texts. */
const propertyOverheadBytes = 80;

function bytesOf(properties: PropertyTexts): number {
  return 2 * textCharsOf(properties) + propertyOverheadBytes * properties.size;
}

/** Texts by key, each for a limited time, bounded in bytes: the least recently used are evicted first. */
export class ExpiringTexts {
  readonly #items: LRUCache<string, Item>;
  readonly #clock: Clock;

  constructor(bytesMax: number, clock: Clock) {
    this.#clock = clock;
    this.#items = new LRUCache({
      maxSize: Math.max(1, bytesMax), // 0 would mean unbounded
      sizeCalculation: ({ text, properties }, key) =>
        2 * (text.length + key.length) + itemOverheadBytes + (properties === undefined ? 0 : bytesOf(properties)),
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

  set(key: string, text: string, lifeMs: number, properties?: PropertyTexts): void {
    this.#items.set(key, { text, properties, endsAtMs: this.#clock.nowMs() + lifeMs });
  }

  /** The properties of the item that `get` returns. */
  propertiesOf(key: string): PropertyTexts | undefined {
    return this.#items.peek(key)?.properties;
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
