/**
 * The tags of changed rows, bounded in size: beyond `rowsMax` rows of a table, it is the tag of the table, which stands for all of its
 * rows.
 */
import type { InvalidationScope } from '../../cache/index.ts';

/** For each table, and ten times that for all tables together. */
export const rowsMax = 1_000;

export class ChangedTags {
  /** By the tag of the table: the ids of its rows, or all of them. */
  #tables = new Map<string, Set<string> | 'all'>();
  #rowCount = 0;
  #isEverything = false;

  get isEmpty(): boolean {
    return !this.#isEverything && this.#tables.size === 0;
  }

  addEverything(): void {
    this.#isEverything = true;
    this.#tables.clear();
    this.#rowCount = 0;
  }

  addTable(tag: string): void {
    if (this.#isEverything) return;
    const rows = this.#tables.get(tag);
    if (rows instanceof Set) this.#rowCount -= rows.size;
    this.#tables.set(tag, 'all');
  }

  addRow(tag: string, id: string): void {
    if (this.#isEverything) return;
    const rows = this.#tables.get(tag) ?? new Set();
    if (rows === 'all') return;
    this.#rowCount -= rows.size;
    rows.add(id);
    this.#rowCount += rows.size;
    this.#tables.set(tag, rows);
    if (rows.size > rowsMax) this.addTable(tag);
    if (this.#rowCount > rowsMax * 10) for (const each of this.#tables.keys()) this.addTable(each);
  }

  addAll(other: ChangedTags): void {
    if (other.#isEverything) this.addEverything();
    for (const [tag, rows] of other.#tables) {
      if (rows === 'all') this.addTable(tag);
      else for (const id of rows) this.addRow(tag, id);
    }
  }

  /** What to invalidate, in parts of at most `partMax` tags. */
  scopes(partMax: number): readonly InvalidationScope[] {
    if (this.#isEverything) return ['everything'];
    const tags = [...this.#tables].flatMap(([tag, rows]) =>
      rows === 'all' ? [tag] : [...rows].map((id) => `${tag}:${id}`),
    );
    const parts = Math.ceil(tags.length / partMax);
    return Array.from({ length: parts }, (_, part) => tags.slice(part * partMax, (part + 1) * partMax));
  }
}
