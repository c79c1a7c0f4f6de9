/** Automatic tags: the tables that a cached load's SQL reads. Knows no shop. */
export { createLoader, type Loader, type LoaderOptions } from './loader.ts';
export { touchedTables, type TouchedTables } from './touched-tables.ts';
