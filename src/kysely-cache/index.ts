/** Automatic tags: the tables that a cached load's SQL reads. */
export { touchedTables, type TouchedTables } from './touched-tables.ts';
