/**
 * Reads from PostgreSQL's catalogue, 15 to 18, what `catalogue.ts` needs: one row, one column, JSON, so that every driver
 * gives it the same.
 *
 * What a view reads is in pg_depend, save what belongs to the system itself (PostgreSQL does not track that), which only the
 * view's stored tree tells: https://www.postgresql.org/docs/current/catalog-pg-depend.html
 */

/** What the statement answers. */
export interface CatalogueRows {
  readonly relations: readonly RelationRow[];
  /** Names of which every function is harmless. */
  readonly harmless: readonly string[];
  /** Names of which at least one function may read tables. */
  readonly suspicious: readonly string[];
}

export interface RelationRow {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  /** As pg_class.relkind: `r` table, `p` partitioned table, `m` materialized view, `f` foreign table, `v` view. */
  readonly kind: 'r' | 'p' | 'm' | 'f' | 'v';
  /** Whether its bare name means it, by the search path. */
  readonly isVisible: boolean;
  readonly isSystem: boolean;
  readonly hasRowSecurity: boolean;
  /** Of a partition or an inheriting table. */
  readonly parents: readonly number[];
  /** Of a view: the relations that it names, also such as are no tables. */
  readonly reads: readonly number[];
  /** Of a view: a function that it calls and that may read tables. */
  readonly calls: string | null;
}

/** Volatile functions of the system that read nothing which could change behind a cache. */
const harmlessVolatile = [
  'clock_timestamp',
  'gen_random_uuid',
  'pg_sleep',
  'pg_sleep_for',
  'pg_sleep_until',
  'random',
  'random_normal',
  'setseed',
  'timeofday',
  'uuidv4',
  'uuidv7',
];

export const catalogueSql = `
with functions as (
  select p.oid, p.proname::text as name,
    case when n.nspname = 'pg_catalog'
      then p.provolatile = 'v' and p.proname <> all (array[${harmlessVolatile.map((name) => `'${name}'`).join(', ')}])
        -- A setting is each connection's own, such as that of a tenant.
        or p.proname ~ '^(current_setting$|(query|table|schema|database|cursor)_to_xml)'
      -- An aggregate is called immutable whatever its parts are.
      else p.provolatile <> 'i' or p.prokind = 'a'
    end as is_suspicious
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
), views as (
  select r.oid as rule, r.ev_class as view, r.ev_action::text as tree
  from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
  where r.ev_type = '1' and c.relkind = 'v' -- a materialized view has such a rule as well
), needs as (
  select v.view, d.refclassid::regclass::text as class, d.refobjid::bigint as id
  from views v join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = v.rule
  union
  select v.view, 'pg_class', (regexp_matches(v.tree, ':relid (\\d+)', 'g'))[1]::bigint from views v
  union
  select v.view, 'pg_proc', (regexp_matches(v.tree, ':(?:funcid|aggfnoid|winfnoid) (\\d+)', 'g'))[1]::bigint from views v
  union
  select v.view, 'pg_operator', (regexp_matches(v.tree, ':opno (\\d+)', 'g'))[1]::bigint from views v
), calls as (
  select view, id from needs where class = 'pg_proc'
  union
  select n.view, o.oprcode::oid::bigint from needs n join pg_catalog.pg_operator o on o.oid = n.id where n.class = 'pg_operator'
)
select json_build_object(
  'relations', (
    select coalesce(json_agg(json_build_object(
      'id', c.oid::bigint,
      'schema', n.nspname,
      'name', c.relname,
      'kind', c.relkind,
      'isVisible', pg_table_is_visible(c.oid),
      'isSystem', n.nspname in ('pg_catalog', 'information_schema'),
      'hasRowSecurity', c.relrowsecurity,
      'parents', array(select i.inhparent::bigint from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
      'reads', array(select s.id from needs s where s.view = c.oid and s.class = 'pg_class' and s.id <> c.oid and s.id <> 0),
      'calls', (select min(f.name) from calls s join functions f on f.oid = s.id where s.view = c.oid and f.is_suspicious)
    )), '[]')
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f', 'v') and n.nspname !~ '^pg_(toast|temp)'
  ),
  'harmless', (select json_agg(name) from (select name from functions group by name having not bool_or(is_suspicious)) h),
  'suspicious', (select json_agg(name) from (select name from functions group by name having bool_or(is_suspicious)) s)
)::text as catalogue`;
