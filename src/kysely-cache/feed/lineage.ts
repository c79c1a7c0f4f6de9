/** A table and what it is a partition of, or inherits from, as the database has them now. */
import type { KnownRelation } from '../relation-names.ts';

/** A relation, or one of its ancestors, as the database has it now. */
export interface LineageRow extends KnownRelation {
  /** The columns of its primary key. */
  readonly key: readonly string[];
}

/** Returns one row with one column, as JSON: a relation and its ancestors; empty if it is not there any more. */
export function lineageSql(relationOid: number): string {
  return `
with recursive lineage as (
  select ${relationOid >>> 0}::oid as id
  union
  select i.inhparent from pg_catalog.pg_inherits i join lineage l on l.id = i.inhrelid
)
select coalesce(json_agg(json_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'isVisible', pg_table_is_visible(c.oid),
  'key', array(
    select a.attname from pg_catalog.pg_index x
    join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = any (x.indkey)
    where x.indrelid = c.oid and x.indisprimary
  )
)), '[]')::text as lineage
from lineage l join pg_catalog.pg_class c on c.oid = l.id join pg_catalog.pg_namespace n on n.oid = c.relnamespace`;
}
