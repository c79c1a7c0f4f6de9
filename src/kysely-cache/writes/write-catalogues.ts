/**
 * The catalogue that `writing` uses: read when it is needed first, then once a minute in the background, because triggers may change,
 * and again at once for a statement that names what it lacks.
 */
import type { Clock } from '../../cache/index.ts';
import { WriteCatalogue, type Reach } from './write-reach.ts';
import type { WriteCatalogueRows } from './write-catalogue-sql.ts';
import type { TableWrites } from './table-writes.ts';

const keptMs = 60_000;

const everything: Reach = { tags: new Set(), isEverything: true, isIncomplete: false };

export class WriteCatalogues {
  readonly #readRows: () => Promise<WriteCatalogueRows>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #known: WriteCatalogue | undefined;
  #readMs = -Infinity;
  #reading: Promise<void> | undefined;

  constructor({ readRows, clock }: { readRows: () => Promise<WriteCatalogueRows>; clock: Pick<Clock, 'nowMs'> }) {
    this.#readRows = readRows;
    this.#clock = clock;
  }

  /** What the statements may have changed; everything while the catalogue cannot be read. */
  async reachOf(statements: readonly TableWrites[]): Promise<Reach> {
    if (this.#known === undefined) await this.#read();
    else if (this.#clock.nowMs() - this.#readMs >= keptMs) void this.#read();
    const reach = this.#union(statements);
    if (!reach.isIncomplete) return reach;
    // A table that was created since. What is still missing then is a temporary table, which no value depends on. A reading that
    // runs already may have begun before the table was there.
    await this.#reading;
    await this.#read();
    return this.#union(statements);
  }

  #union(statements: readonly TableWrites[]): Reach {
    const catalogue = this.#known;
    if (catalogue === undefined) return everything;
    const reaches = statements.map((writes) => catalogue.reachOf(writes));
    return {
      tags: new Set(reaches.flatMap(({ tags }) => [...tags])),
      isEverything: reaches.some(({ isEverything }) => isEverything),
      isIncomplete: reaches.some(({ isIncomplete }) => isIncomplete),
    };
  }

  /** Never rejects: if it fails, the previous one stays in use. */
  #read(): Promise<void> {
    this.#readMs = this.#clock.nowMs();
    this.#reading ??= this.#readRows()
      .then((rows) => void (this.#known = new WriteCatalogue(rows)))
      .catch(() => undefined)
      .finally(() => (this.#reading = undefined));
    return this.#reading;
  }
}
