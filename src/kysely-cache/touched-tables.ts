/**
 * Reads declare themselves: the SQL that a cached load runs says which tables its value depends on.
 *
 *   a load runs a statement (watched-dialect.ts) · PostgreSQL's parser says what its text names (known-table-references.ts,
 *   sql-parser.ts, table-references.ts) · the catalogue has the tags for that (catalogue.ts) · the load has touched them
 */
import type { Dialect } from 'kysely';
import { currentLoad, type Clock } from '../cache/index.ts';
import { catalogueSql, type CatalogueRows } from './catalogue-sql.ts';
import { Catalogue } from './catalogue.ts';
import { KnownTableReferences } from './known-table-references.ts';
import { SqlParser } from './sql-parser.ts';
import { watchedDialect } from './watched-dialect.ts';

/** A PostgreSQL database whose tables become the tags of the values that are loaded from it. `touchedTables` makes it. */
export interface TouchedTables {
  /** For `new Kysely({ dialect })`: what its statements read counts for the load that runs them. */
  readonly dialect: Dialect;
  /** For `createCache({ knownTags })`: the tags of all tables, `name` or, off the search path, `schema.name`. */
  readonly tags: () => readonly string[];
  /**
   * Reads from the database which tables, views and functions it has. To be awaited once at the start, after Kysely was
   * made, so that the first values can be stored; later it reads in the background where it has to. Never rejects: with the
   * database away, loads are answered and not stored until it is there.
   */
  readonly read: () => Promise<void>;
}

/** `dialect` of PostgreSQL 15 or newer, and what its statements touch. */
export function touchedTables(
  dialect: Dialect,
  { clock = { nowMs: () => performance.now() } }: { clock?: Pick<Clock, 'nowMs'> } = {},
): TouchedTables {
  const parser = SqlParser.shared;
  const readings = new KnownTableReferences(parser);
  const watched = watchedDialect(dialect, {
    prepare: () => parser.load(),
    hear(statement, { transactionOf }) {
      const load = currentLoad();
      if (load === undefined) return;
      const reading = readings.of(statement.sql);
      const { tags, unknown } = catalogue.sourcesOf(reading);
      load.touch([...tags]);
      for (const what of unknown) load.touchUnknown(what);
      // It may see what nobody else sees yet, or no longer what everybody sees.
      if (transactionOf !== undefined && transactionOf !== load) {
        load.readsUncommitted('a transaction that did not begin in this load');
      }
      // Nothing says that it will be committed before the load ends.
      if (reading.transaction !== 'none') load.readsUncommitted('a transaction that raw SQL begins or ends');
    },
    transactionEffectOf: (text) => readings.transactionEffectOf(text),
  });
  const catalogue = new Catalogue({
    readRows: async () => JSON.parse(await watched.ask(catalogueSql)) as CatalogueRows,
    clock,
  });
  return { dialect: watched.dialect, tags: () => catalogue.tags, read: () => catalogue.read() };
}
