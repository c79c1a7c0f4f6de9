/** Automatic tags: the tables that a cached load's SQL reads. Knows no shop. */
export { touchedTables, type TouchedTables } from './touched-tables.ts';
