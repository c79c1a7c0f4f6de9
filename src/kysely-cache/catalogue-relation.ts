/** What the readers of PostgreSQL's catalogue have in common: which relations there are, and how they are called. */

/** A table, a view or the like, as `relationColumns` selects it. */
export interface CatalogueRelation {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  /** Whether its unqualified name refers to it, by the search path. */
  readonly isVisible: boolean;
  /** Of a partition or an inheriting table. */
  readonly parents: readonly number[];
}

/** The properties of `CatalogueRelation`, for `json_build_object`. */
export const relationColumns = `'id', c.oid::bigint,
      'schema', n.nspname,
      'name', c.relname,
      'isVisible', pg_table_is_visible(c.oid),
      'parents', array(select i.inhparent::bigint from pg_catalog.pg_inherits i where i.inhrelid = c.oid)`;

/** All tables, views, materialized views, partitioned and foreign tables as `c`, with their schemas as `n`; not temporary ones. */
export const relationsClause = `from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f', 'v') and n.nspname !~ '^pg_(toast|temp)'`;
