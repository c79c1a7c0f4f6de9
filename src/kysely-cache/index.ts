/** Automatic tags: the tables that a cached load's SQL reads, and those that a transaction writes. */
export { touchedTables, type TouchedTables } from './touched-tables.ts';
export type { Writing, WritingOptions } from './writes/writing.ts';
