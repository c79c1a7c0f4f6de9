/**
 * Reads from PostgreSQL's catalogue, versions 15 to 18, what a write to a table leads to: one row with one column, as JSON, so that
 * every driver returns the same.
 */
import { relationColumns, relationsClause, type CatalogueRelation } from '../catalogue-relation.ts';

/** The result of the statement. */
export interface WriteCatalogueRows {
  readonly relations: readonly WrittenRelation[];
  readonly functions: readonly WritingFunction[];
  /** By operator: the ids of the functions above that implement it. */
  readonly operators: readonly { readonly name: string; readonly calls: readonly number[] }[];
}

export interface WrittenRelation extends CatalogueRelation {
  readonly isView: boolean;
  /** For a view: the relations that it names, which an insert into the view may change. */
  readonly reads: readonly number[];
  /** The tables with a foreign key to this one. */
  readonly referencedBy: readonly { readonly id: number; readonly isActive: boolean }[];
  /** The functions that a write calls: of its triggers, defaults, constraints and policies. */
  readonly calls: readonly number[];
  /** Whether a rule replaces or extends writes. */
  readonly hasRules: boolean;
}

/** A function that may write: it is volatile or a trigger's, and neither PostgreSQL's nor written in C. */
export interface WritingFunction {
  readonly id: number;
  readonly name: string;
  /** `sql`, `plpgsql`, … */
  readonly language: string;
  readonly source: string;
}

export const writeCatalogueSql = `
with functions as (
  select p.oid::bigint as id, p.proname::text as name, l.lanname::text as language,
    -- A function with BEGIN ATOMIC has no source text.
    case when p.prosqlbody is null then p.prosrc else pg_get_functiondef(p.oid) end as source
  from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
  where l.lanname not in ('c', 'internal') and p.prokind in ('f', 'p', 'w')
    and p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    and (p.provolatile = 'v' or p.prorettype = 'trigger'::regtype)
), parts as (
  select 'pg_trigger'::regclass as class, t.oid, t.tgrelid as relation
  from pg_catalog.pg_trigger t where not t.tgisinternal and t.tgenabled <> 'D'
  union all select 'pg_attrdef'::regclass, a.oid, a.adrelid from pg_catalog.pg_attrdef a
  union all select 'pg_constraint'::regclass, k.oid, k.conrelid from pg_catalog.pg_constraint k where k.contype = 'c'
  union all select 'pg_policy'::regclass, p.oid, p.polrelid from pg_catalog.pg_policy p
), calls as (
  select p.relation, d.refobjid::bigint as id
  from parts p join pg_catalog.pg_depend d on d.classid = p.class and d.objid = p.oid
  where d.refclassid = 'pg_proc'::regclass
), views as (
  select r.ev_class as view, d.refobjid::bigint as id
  from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  where d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
)
select json_build_object(
  'relations', (
    select coalesce(json_agg(json_build_object(
      ${relationColumns},
      'isView', c.relkind = 'v',
      'reads', array(select distinct v.id from views v where v.view = c.oid and c.relkind = 'v'),
      'referencedBy', (
        select coalesce(json_agg(json_build_object(
          'id', k.conrelid::bigint, 'isActive', k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))), '[]')
        from pg_catalog.pg_constraint k where k.contype = 'f' and k.confrelid = c.oid
      ),
      'calls', array(select distinct k.id from calls k where k.relation = c.oid),
      'hasRules', exists(select from pg_catalog.pg_rewrite r where r.ev_class = c.oid and r.ev_type <> '1')
    )), '[]')
    ${relationsClause}
      and n.nspname not in ('pg_catalog', 'information_schema')
  ),
  'functions', (select coalesce(json_agg(f), '[]') from functions f),
  'operators', (
    select coalesce(json_agg(json_build_object('name', o.name, 'calls', o.calls)), '[]')
    from (
      select o.oprname::text as name, array_agg(f.id) as calls
      from pg_catalog.pg_operator o join functions f on f.id = o.oprcode::oid::bigint group by o.oprname
    ) o
  )
)::text as catalogue`;
