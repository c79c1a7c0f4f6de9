/**
 * Automatic tags: the SQL that a cached load runs determines which tables its value depends on.
 *
 *   a load runs a statement (watched-dialect.ts) → PostgreSQL's parser finds the names in its text (known-table-references.ts,
 *   sql-parser.ts, table-references.ts) → the catalogue has their tags (catalogue.ts) → the load has touched these tags
 */
import type { Dialect } from 'kysely';
import { currentLoad, runForLoads, type Cache, type Clock } from '../cache/index.ts';
import { catalogueSql, type CatalogueRows } from './catalogue-sql.ts';
import { Catalogue } from './catalogue.ts';
import { lineageSql, type LineageRow } from './feed/lineage.ts';
import { KnownTableReferences } from './known-table-references.ts';
import { ParsedTexts } from './parsed-texts.ts';
import { SqlParser } from './sql-parser.ts';
import { watchedDialect } from './watched-dialect.ts';
import { tableWritesOf } from './writes/table-writes.ts';
import { WriteCatalogues } from './writes/write-catalogues.ts';
import { writeCatalogueSql, type WriteCatalogueRows } from './writes/write-catalogue-sql.ts';
import { createWriting, currentWriter, type Writing } from './writes/writing.ts';

/** A PostgreSQL database whose tables become the tags of the values that are loaded from it. Created by `touchedTables`. */
export interface TouchedTables {
  /** For `new Kysely({ dialect })`: what its statements read counts for the load that runs them. */
  readonly dialect: Dialect;
  /** For `createCache({ knownTags })`: the tags of all tables, `name` or, outside of the search path, `schema.name`. */
  readonly tags: () => readonly string[];
  /**
   * Reads which tables, views and functions the database has. Await it once at startup, after Kysely was created, so that the
   * first values can be stored. Later, the catalogue is read in the background. Never rejects: while the database is
   * unavailable, values are returned and not stored.
   */
  readonly read: () => Promise<void>;
  /** Returns `writing` for a cache whose values are loaded from this database. */
  readonly writing: (cache: Cache) => Writing;
  /** For `changeFeed`: a table of the database and its ancestors, as they are named in tags. */
  readonly lineageOf: (relationOid: number) => Promise<readonly LineageRow[]>;
}

/**
 * Watches a dialect for PostgreSQL 15 or newer.
 *
 * @returns The dialect to use instead, and the tags for `createCache`.
 */
export function touchedTables(
  dialect: Dialect,
  { clock = { nowMs: () => performance.now() } }: { clock?: Pick<Clock, 'nowMs'> } = {},
): TouchedTables {
  const parser = SqlParser.shared;
  const readings = new KnownTableReferences(parser);
  const texts = new ParsedTexts(parser, { read: tableWritesOf, namesIn: ({ targets }) => targets.length });
  const watched = watchedDialect(dialect, {
    prepare: () => parser.load(),
    currentWriter,
    onStatement(statement, { transactionOf, writerOfTransaction }) {
      const writer = writerOfTransaction ?? currentWriter();
      writer?.record(texts.of(statement.sql), writerOfTransaction !== undefined);
      const load = currentLoad();
      if (load === undefined) return;
      const reading = readings.of(statement.sql);
      const { tags, unknown } = catalogue.sourcesOf(reading);
      load.touch([...tags]);
      for (const what of unknown) load.touchUnknown(what);
      // It may see rows that others cannot see yet, or no longer see rows that others see.
      if (transactionOf !== undefined && transactionOf !== load) {
        load.readsUncommitted('a transaction that did not begin in this load');
      }
      // It is not known whether it will be committed before the load ends.
      if (reading.transaction !== 'none') load.readsUncommitted('a transaction that raw SQL begins or ends');
    },
    transactionEffectOf: (text) => readings.transactionEffectOf(text),
  });
  const catalogue = new Catalogue({
    readRows: async () => JSON.parse(await watched.ask(catalogueSql)) as CatalogueRows,
    clock,
  });
  const writeCatalogues = new WriteCatalogues({
    readRows: async () => JSON.parse(await watched.ask(writeCatalogueSql)) as WriteCatalogueRows,
    clock,
  });
  return {
    dialect: watched.dialect,
    tags: () => catalogue.tags,
    read: () => catalogue.read(),
    writing: (cache) => createWriting(cache, writeCatalogues),
    // Outside of all loads: no value depends on what is read here.
    lineageOf: (oid) => runForLoads([], async () => JSON.parse(await watched.ask(lineageSql(oid))) as LineageRow[]),
  };
}
