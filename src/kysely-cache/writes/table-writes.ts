/**
 * What a text of SQL may write, according to PostgreSQL's parse tree of it: the targets of its statements, also of those in common
 * table expressions, and the functions that it calls.
 */
import { fieldsOf, isRecord, kindOf, lastName, textIn, type Fields } from '../parse-tree.ts';
import type { RelationName } from '../relation-names.ts';
import type { Parsed } from '../sql-parser.ts';

/** `insert`: rows are only added. `change`: rows may be changed or removed, so that foreign keys act. `truncate`: with CASCADE. */
export type WriteKind = 'insert' | 'change' | 'truncate';

export interface Target extends RelationName {
  readonly kind: WriteKind;
}

/** What a text may write. All names are unquoted, as in the catalogue. */
export interface TableWrites {
  readonly targets: readonly Target[];
  /** The functions and operators that it calls, which may write as well. */
  readonly functions: ReadonlySet<string>;
  readonly operators: ReadonlySet<string>;
  /** Whether it may write anything: it cannot be parsed, or is a statement whose effect is elsewhere, such as CALL. */
  readonly isOpaque: boolean;
  /** Whether it begins or ends a transaction, or prepares one. */
  readonly endsTransaction: boolean;
}

/** Statements that write nothing, or nothing but what their nodes say. */
const transparent = new Set(
  (
    'SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt TruncateStmt CopyStmt RefreshMatViewStmt ' +
    'DeclareCursorStmt FetchStmt ClosePortalStmt ExplainStmt PrepareStmt DeallocateStmt ' +
    'TransactionStmt ConstraintsSetStmt VariableSetStmt VariableShowStmt LockStmt ListenStmt UnlistenStmt NotifyStmt'
  ).split(' '),
);

export function tableWritesOf(_text: string, parsed: Parsed): TableWrites {
  const reader = new WriteReader();
  if ('statements' in parsed) for (const statement of parsed.statements) reader.statement(fieldsOf(statement)['stmt']);
  else reader.isOpaque = true;
  return reader;
}

class WriteReader implements TableWrites {
  readonly targets: Target[] = [];
  readonly functions = new Set<string>();
  readonly operators = new Set<string>();
  isOpaque = false;
  endsTransaction = false;

  statement(node: unknown): void {
    const kind = kindOf(node);
    if (kind === undefined || !transparent.has(kind)) this.isOpaque = true;
    if (kind === 'TransactionStmt') this.#transaction(fieldsOf(node, kind));
    // There is no recursion, so the depth of the tree does not matter.
    const rest: unknown[] = [node];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      if (Array.isArray(next)) rest.push(...(next as unknown[]));
      if (Array.isArray(next) || !isRecord(next)) continue;
      const inner = kindOf(next);
      if (inner !== undefined) this.#note(inner, fieldsOf(next, inner));
      rest.push(...Object.values(next));
    }
  }

  #transaction({ kind }: Fields): void {
    if (!/SAVEPOINT|RELEASE|ROLLBACK_TO/.test(textIn(kind))) this.endsTransaction = true;
    // What was prepared before, perhaps by another process.
    if (kind === 'TRANS_STMT_COMMIT_PREPARED') this.isOpaque = true;
  }

  #note(kind: string, fields: Fields): void {
    switch (kind) {
      case 'InsertStmt': {
        const { action } = fieldsOf(fields['onConflictClause']);
        return this.#target(fields['relation'], action === 'ONCONFLICT_UPDATE' ? 'change' : 'insert');
      }
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
      case 'RefreshMatViewStmt':
        return this.#target(fields['relation'], 'change');
      case 'TruncateStmt':
        for (const node of fields['relations'] as readonly unknown[])
          this.#target(fieldsOf(node, 'RangeVar'), fields['behavior'] === 'DROP_CASCADE' ? 'truncate' : 'change');
        return;
      case 'CopyStmt':
        if (fields['is_from'] === true) this.#target(fields['relation'], 'insert');
        return;
      case 'FuncCall':
        return void this.functions.add(lastName(fields['funcname']) ?? '');
      case 'A_Expr':
        return void this.operators.add(lastName(fields['name']) ?? '');
      // Within EXPLAIN.
      case 'ExecuteStmt':
        this.isOpaque = true;
        return;
      default:
    }
  }

  #target(node: unknown, kind: WriteKind): void {
    const { relname, schemaname } = fieldsOf(node);
    const schema = schemaname === undefined ? undefined : textIn(schemaname);
    this.targets.push({ schema, name: textIn(relname), kind });
  }
}
