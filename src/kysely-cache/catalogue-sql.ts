/**
 * Reads what `catalogue.ts` needs from PostgreSQL's catalogue, versions 15 to 18: one row with one column, as JSON, so that every
 * driver returns the same.
 *
 * The relations that a view reads are in pg_depend, except those of the system, which PostgreSQL does not track: only the view's
 * stored tree shows them. https://www.postgresql.org/docs/current/catalog-pg-depend.html
 */
import { relationColumns, relationsClause, type CatalogueRelation } from './catalogue-relation.ts';

/** The result of the statement. */
export interface CatalogueRows {
  readonly relations: readonly RelationRow[];
  readonly functions: NameVerdicts;
  readonly operators: NameVerdicts;
  /** Functions of a row, called as `row.name`, that may read tables. */
  readonly rowFunctions: readonly string[];
  /** Types to which a cast may read tables. */
  readonly castTypes: readonly string[];
  /** Whether a backslash in a string is an ordinary character: the setting `standard_conforming_strings`. */
  readonly hasStandardStrings: boolean;
}

/** Names that are always harmless, and names of which at least one function may read tables. */
export interface NameVerdicts {
  readonly harmless: readonly string[];
  readonly suspicious: readonly string[];
}

export interface RelationRow extends CatalogueRelation {
  /** As pg_class.relkind: `r` table, `p` partitioned table, `m` materialized view, `f` foreign table, `v` view. */
  readonly kind: 'r' | 'p' | 'm' | 'f' | 'v';
  readonly isSystem: boolean;
  readonly hasRowSecurity: boolean;
  /** For a view: the relations that it names, including those that are not tables. */
  readonly reads: readonly number[];
  /** For a view: a function that it calls and that may read tables. */
  readonly calls: string | null;
}

/** Volatile functions of the system that read nothing which could change without an invalidation. */
const harmlessVolatile = [
  'bernoulli',
  'clock_timestamp',
  'gen_random_uuid',
  'pg_sleep',
  'pg_sleep_for',
  'pg_sleep_until',
  'random',
  'random_normal',
  'setseed',
  'system',
  'timeofday',
  'uuidv4',
  'uuidv7',
];

/** Stable functions of the system whose names resemble those that read its catalogue or its statistics, but which do not. */
const harmlessStable = [
  'pg_basetype',
  'pg_collation_for',
  'pg_column_compression',
  'pg_column_size',
  'pg_input_error_info',
  'pg_input_is_valid',
  'pg_typeof',
];

/**
 * Other stable functions of the system: their results depend on the connection (its user, its settings), on the catalogue, on
 * statistics or on transactions, none of which has a tag.
 */
const suspiciousStable =
  '^(pg_|has_|inet_|txid_|(to_)?reg(class|namespace|oper|proc|role)|(col|obj|shobj)_description$|' +
  'current_(database|schemas?|setting|user)$|(session|system)_user$|getpgusername$|row_security_active$|' +
  '(query|table|schema|database|cursor)_to_xml)';

export const catalogueSql = `
with functions as (
  select p.oid, p.proname::text as name, p.prolang, p.pronargs - p.pronargdefaults as args_min, p.proargtypes,
    case when n.nspname = 'pg_catalog'
      then p.provolatile = 'v' and p.proname <> all (${textArray(harmlessVolatile)})
        or p.provolatile = 's' and p.proname ~ '${suspiciousStable}' and p.proname <> all (${textArray(harmlessStable)})
      -- An aggregate is called immutable whatever its parts are.
      else p.provolatile <> 'i' or p.prokind = 'a'
    end as is_suspicious
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
), operators as (
  -- Operators of extensions that are written in C, such as pg_trgm's, depend on settings at most.
  select o.oprname::text as name, f.is_suspicious and l.lanname not in ('c', 'internal') as is_suspicious
  from pg_catalog.pg_operator o join functions f on f.oid = o.oprcode join pg_catalog.pg_language l on l.oid = f.prolang
), views as (
  select r.oid as rule, r.ev_class as view, r.ev_action::text as tree
  from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
  where r.ev_type = '1' and c.relkind = 'v' -- a materialized view has such a rule as well
    and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) -- unknown as they are
), views_of_user as (
  -- CURRENT_ROLE and the values after it; those before it give the time.
  select v.view from views v where v.tree ~ 'SQLVALUEFUNCTION :op (9|1[0-9]) '
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
      ${relationColumns},
      'kind', c.relkind,
      'isSystem', n.nspname in ('pg_catalog', 'information_schema'),
      'hasRowSecurity', c.relrowsecurity,
      'reads', array(select s.id from needs s where s.view = c.oid and s.class = 'pg_class' and s.id <> c.oid and s.id <> 0),
      'calls', coalesce(
        (select min(f.name) from calls s join functions f on f.oid = s.id where s.view = c.oid and f.is_suspicious),
        (select min('current_user') from views_of_user u where u.view = c.oid)
      )
    )), '[]')
    ${relationsClause}
  ),
  'functions', ${judged('functions')},
  'operators', ${judged('operators')},
  'rowFunctions', (
    select coalesce(json_agg(distinct f.name), '[]')
    from functions f join pg_catalog.pg_type t on t.oid = f.proargtypes[0]
    where f.is_suspicious and f.args_min <= 1 and t.typtype in ('c', 'd', 'p')
  ),
  'castTypes', (
    select coalesce(json_agg(distinct t.typname), '[]')
    from pg_catalog.pg_cast c join functions f on f.oid = c.castfunc join pg_catalog.pg_type t on t.oid = c.casttarget
    where f.is_suspicious
  ),
  'hasStandardStrings', current_setting('standard_conforming_strings') = 'on'
)::text as catalogue`;

function judged(from: 'functions' | 'operators'): string {
  return `(
    select json_build_object(
      'harmless', coalesce(json_agg(name) filter (where not is_suspicious), '[]'),
      'suspicious', coalesce(json_agg(name) filter (where is_suspicious), '[]'))
    from (select name, bool_or(is_suspicious) as is_suspicious from ${from} group by name) n
  )`;
}

function textArray(names: readonly string[]): string {
  return `array[${names.map((name) => `'${name}'`).join(', ')}]`;
}
