/**
 * What a text of SQL reads, according to PostgreSQL's parse tree of it: the relations that it names, what it calls, and what may
 * read more than that. And whether it leaves a transaction open (`transaction-effect.ts`).
 *
 * A kind of node that is not known here may read anything: a newer parser may have more kinds.
 * https://github.com/pganalyze/libpg_query/blob/18-latest/protobuf/pg_query.proto
 */
import { fieldsOf, isRecord, kindOf, lastName, textIn, type Fields } from './parse-tree.ts';
import type { RelationName } from './relation-names.ts';
import type { Parsed } from './sql-parser.ts';
import { mayBegin, transactionEffectOf, type TransactionEffect } from './transaction-effect.ts';

/** What a text refers to. All names are unquoted, as in the catalogue. */
export interface TableReferences {
  readonly relations: readonly RelationName[];
  readonly functions: ReadonlySet<string>;
  readonly operators: ReadonlySet<string>;
  /** `row.name`: columns, or functions of a row. */
  readonly rowNames: ReadonlySet<string>;
  /** The types that something is cast to. */
  readonly types: ReadonlySet<string>;
  /** Descriptions of what may read more; empty if everything is resolved. */
  readonly hidden: ReadonlySet<string>;
  /** Whether the meaning of the text depends on `standard_conforming_strings`. */
  readonly hasBackslash: boolean;
  readonly transaction: TransactionEffect;
}

/** The names of visible common table expressions: an unqualified name among them is not a table. */
type Scope = ReadonlySet<string>;

const queries = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
const statementsWithTarget = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Nodes of which everything that matters is in their fields. */
const known = new Set(
  (
    'A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star Alias BitString BoolExpr Boolean BooleanTest CTECycleClause ' +
    'CTESearchClause CaseExpr CaseWhen CoalesceExpr CollateClause ColumnDef ColumnRef CommonTableExpr Float FuncCall ' +
    'GroupingFunc GroupingSet IndexElem InferClause Integer JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg ' +
    'JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue ' +
    'JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonTable ' +
    'JsonTableColumn JsonTablePathSpec JsonValueExpr List LockingClause MergeWhenClause MinMaxExpr MultiAssignRef ' +
    'NamedArgExpr NullTest OnConflictClause ParamRef RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol ' +
    'RangeTableSample RangeVar ResTarget ReturningClause ReturningOption RowExpr SQLValueFunction SetToDefault SortBy ' +
    'String SubLink TypeCast TypeName WindowDef WithClause XmlExpr XmlSerialize'
  ).split(' '),
);

/** `current_date` and the like; the others depend on the connection. */
const timeOnly = /^SVFOP_(CURRENT_DATE|CURRENT_TIME|LOCALTIME)/;

/** Their values are looked up in the system's catalogue. */
const catalogueTypes = new Set('regclass regnamespace regoper regoperator regproc regprocedure regrole'.split(' '));

const operatorsOfBetween = ['<', '<=', '>', '>='];
const operatorOfKind: Readonly<Record<string, readonly string[]>> = {
  AEXPR_BETWEEN: operatorsOfBetween,
  AEXPR_NOT_BETWEEN: operatorsOfBetween,
  AEXPR_BETWEEN_SYM: operatorsOfBetween,
  AEXPR_NOT_BETWEEN_SYM: operatorsOfBetween,
};

/** What `text` refers to, according to its parse result. */
export function tableReferencesOf(text: string, parsed: Parsed): TableReferences {
  const reader = new TreeReader(text);
  if ('statements' in parsed) for (const statement of parsed.statements) reader.statement(fieldsOf(statement)['stmt']);
  else reader.fail(parsed.failure);
  return reader;
}

class TreeReader implements TableReferences {
  readonly relations: RelationName[] = [];
  readonly functions = new Set<string>();
  readonly operators = new Set<string>();
  readonly rowNames = new Set<string>();
  readonly types = new Set<string>();
  readonly hidden = new Set<string>();
  readonly hasBackslash: boolean;
  transaction: TransactionEffect = 'none';
  readonly #text: string;
  /** The nodes that are still to be visited. There is no recursion, so the depth of the tree does not matter. */
  readonly #rest: { readonly value: unknown; readonly scope: Scope }[] = [];

  constructor(text: string) {
    this.#text = text;
    this.hasBackslash = text.includes('\\');
  }

  statement(node: unknown): void {
    const kind = kindOf(node);
    this.transaction = transactionEffectOf(kind, fieldsOf(node, kind), this.transaction);
    if (kind === undefined || !queries.has(kind)) return this.#hides('is no query');
    this.#rest.push({ value: node, scope: new Set() });
    for (let next = this.#rest.pop(); next !== undefined; next = this.#rest.pop()) this.#visit(next.value, next.scope);
  }

  fail(reason: string): void {
    this.#hides(`cannot be parsed: ${reason}`);
    if (mayBegin(this.#text)) this.transaction = 'may-begin';
  }

  #visit(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) return this.#visitAll(value, scope);
    if (!isRecord(value)) return;
    const kind = kindOf(value);
    if (kind === undefined) return this.#visitFields(value, scope);
    const fields = fieldsOf(value, kind);
    if (queries.has(kind)) return this.#query(kind, fields, scope);
    if (!known.has(kind)) return this.#hides(`has a ${kind}, which is not known`);
    this.#note(kind, fields);
    // OF repeats names from FROM.
    if (kind !== 'LockingClause') this.#visitFields(fields, scope);
  }

  #visitAll(values: readonly unknown[], scope: Scope): void {
    for (const value of values) this.#rest.push({ value, scope });
  }

  #query(kind: string, fields: Fields, scope: Scope): void {
    if (!statementsWithTarget.has(kind)) return this.#visitFields(fields, scope);
    const { relation, ...others } = fields;
    // The target of a write is a table, even if a common table expression has its name.
    this.#rest.push({ value: relation, scope: new Set() });
    this.#visitFields(others, scope);
  }

  /** The fields of a node, or of a struct in a field without the name of its kind, such as a RangeVar. */
  #visitFields(fields: Fields, scope: Scope): void {
    if ('intoClause' in fields) this.#hides('creates a table');
    if ('relname' in fields) this.#relation(fields, scope);
    if (Array.isArray(fields['names'])) this.#type(fields['names']);
    for (const name of ['operName', 'useOp']) this.#operator(fields[name]);
    const { withClause, ...others } = fields;
    const inner = withClause === undefined ? scope : this.#commonTables(fieldsOf(withClause), scope);
    this.#visitAll(Object.values(others), inner);
  }

  /** The common table expressions that the statement sees. Without RECURSIVE, each sees the previous ones; with it, all. */
  #commonTables({ ctes, recursive }: Fields, outer: Scope): Scope {
    const expressions = Array.isArray(ctes) ? ctes.map((cte) => fieldsOf(cte, 'CommonTableExpr')) : [];
    const names = expressions.map(({ ctename }) => textIn(ctename));
    for (const [index, expression] of expressions.entries()) {
      const seen = recursive === true ? names : names.slice(0, index);
      this.#visitFields(expression, new Set([...outer, ...seen]));
    }
    return new Set([...outer, ...names]);
  }

  #relation({ relname, schemaname }: Fields, scope: Scope): void {
    const name = textIn(relname);
    const schema = schemaname === undefined ? undefined : textIn(schemaname);
    if (schema !== undefined || !scope.has(name)) this.relations.push({ schema, name });
  }

  #note(kind: string, fields: Fields): void {
    switch (kind) {
      case 'FuncCall':
        this.functions.add(lastName(fields['funcname']) ?? '');
        break;
      case 'A_Expr':
        for (const name of operatorOfKind[textIn(fields['kind'])] ?? []) this.operators.add(name);
        if (operatorOfKind[textIn(fields['kind'])] === undefined) this.#operator(fields['name']);
        break;
      case 'ColumnRef':
        if (Array.isArray(fields['fields']) && fields['fields'].length > 1) this.#rowName(fields['fields']);
        break;
      case 'A_Indirection':
        for (const name of Array.isArray(fields['indirection']) ? fields['indirection'] : []) this.#rowName([name]);
        break;
      case 'SQLValueFunction':
        if (!timeOnly.test(textIn(fields['op']))) this.#hides(`reads ${valueFunctionName(fields)}`);
        break;
      case 'RangeTableSample':
        this.functions.add(lastName(fields['method']) ?? '');
        break;
      default:
    }
  }

  #operator(names: unknown): void {
    const name = lastName(names);
    if (name !== undefined) this.operators.add(name);
  }

  #rowName(names: unknown): void {
    const name = lastName(names);
    if (name !== undefined) this.rowNames.add(name);
  }

  #type(names: unknown): void {
    const name = lastName(names);
    if (name === undefined) return;
    this.types.add(name);
    if (catalogueTypes.has(name)) this.#hides(`has a value of type ${name}`);
  }

  #hides(what: string): void {
    this.hidden.add(`raw SQL: ${shown(this.#text)}, which ${what}`);
  }
}

function valueFunctionName({ op }: Fields): string {
  return textIn(op).replace('SVFOP_', '').toLowerCase();
}

/** The beginning of the text, which a programmer wrote: values that clients sent are parameters. */
function shown(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
