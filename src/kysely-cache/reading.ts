/**
 * What a statement reads, by its tree of operation nodes: the relations that it names, the functions that it calls, and
 * what hides more than that. The tree is the one that was compiled, after all plugins.
 *
 * Node kinds that are not known here are walked through as they are: every table node in them counts.
 */
import {
  AggregateFunctionNode,
  AliasNode,
  DeleteQueryNode,
  FromNode,
  FunctionNode,
  InsertQueryNode,
  JoinNode,
  ListNode,
  MergeQueryNode,
  ParensNode,
  RawNode,
  SelectModifierNode,
  SelectQueryNode,
  TableNode,
  UpdateQueryNode,
  UsingNode,
  ValuesNode,
  type OperationNode,
  type WithNode,
} from 'kysely';
import { functionsIn, mayHideTable, type Place } from './raw-sql.ts';
import { tokensIn, tokensOf, type Token } from './raw-tokens.ts';

/** A relation as a statement names it. */
export interface RelationName {
  /** Undefined where the search path decides. */
  readonly schema: string | undefined;
  readonly name: string;
}

/** What a statement reads. */
export interface Reading {
  readonly relations: readonly RelationName[];
  /** By bare names, as the catalogue has them. */
  readonly functions: ReadonlySet<string>;
  /** What may read more, in words; empty where all is known. */
  readonly hidden: ReadonlySet<string>;
}

/** Where in the statement a node stands. */
interface Position {
  /** Common table expressions that are seen from here: a bare name among them is no table. */
  readonly withNames: ReadonlySet<string>;
  /** Whether a comma would begin another item of FROM. */
  readonly isInFrom: boolean;
}

type QueryNode = SelectQueryNode | InsertQueryNode | UpdateQueryNode | DeleteQueryNode | MergeQueryNode;

const queryKinds = [SelectQueryNode, InsertQueryNode, UpdateQueryNode, DeleteQueryNode, MergeQueryNode];
/** They name what FROM has named already, or nothing. */
const leaves = new Set<string>(['IdentifierNode', 'ReferenceNode', 'ValueNode', 'PrimitiveValueListNode']);

const functionName = /^[\w$]+(\.[\w$]+)*$/;

/** What `statement` reads. */
export function readingOf(statement: OperationNode): Reading {
  const reader = new StatementReader();
  reader.statement(statement);
  return reader;
}

class StatementReader implements Reading {
  readonly relations: RelationName[] = [];
  readonly functions = new Set<string>();
  readonly hidden = new Set<string>();

  statement(node: OperationNode): void {
    const top = { withNames: new Set<string>(), isInFrom: false };
    if (RawNode.is(node)) this.#raw(node, 'statement', top);
    else if (isQuery(node)) this.#node(node, top);
    else this.hidden.add(`a statement that is no query: ${node.kind}`);
  }

  #node(node: OperationNode, position: Position): void {
    if (leaves.has(node.kind)) return;
    if (isQuery(node)) return this.#query(node, position);
    if (TableNode.is(node)) return this.#relation(node, position);
    if (RawNode.is(node)) return this.#raw(node, position.isInFrom ? 'end-of-from' : 'expression', position);
    if (AliasNode.is(node)) return this.#alias(node, () => this.#node(node.node, position));
    if (FromNode.is(node)) return node.froms.forEach((from) => this.#source(from, position));
    if (UsingNode.is(node)) return node.tables.forEach((table) => this.#source(table, position));
    if (JoinNode.is(node)) {
      this.#source(node.table, position);
      if (node.on !== undefined) this.#node(node.on, { ...position, isInFrom: true });
      return;
    }
    if (FunctionNode.is(node) || AggregateFunctionNode.is(node)) return this.#call(node, position);
    if (SelectModifierNode.is(node)) {
      // `of` names what FROM has named.
      if (node.rawModifier !== undefined) this.#node(node.rawModifier, position);
      return;
    }
    this.#children(node, position);
  }

  /** What stands in the place of a table. */
  #source(node: OperationNode, position: Position): void {
    if (AliasNode.is(node)) return this.#alias(node, () => this.#source(node.node, position));
    if (ListNode.is(node)) return node.items.forEach((item) => this.#source(item, position));
    if (RawNode.is(node)) return this.#raw(node, 'table', position);
    const isKnown = [TableNode, FunctionNode, AggregateFunctionNode, ParensNode, ValuesNode].some((kind) =>
      kind.is(node),
    );
    if (!isKnown && !isQuery(node)) this.hidden.add(`a table that is given as ${node.kind}`);
    this.#node(node, position);
  }

  #query(node: QueryNode, { withNames: outer }: Position): void {
    const withNames = node.with === undefined ? outer : this.#commonTables(node.with, outer);
    const position = { withNames, isInFrom: false };
    // What is written to is a table, also where a common table expression has its name.
    const target = targetOf(node);
    const written = target === undefined ? [] : FromNode.is(target) ? target.froms : [target];
    for (const table of written) this.#source(table, { withNames: new Set(), isInFrom: false });
    // They may come directly after FROM.
    const ends = node.endModifiers ?? [];
    for (const end of ends) this.#node(end, { ...position, isInFrom: true });
    this.#children(node, position, new Set([node.with, target, ...ends]));
  }

  /** The names that the statement sees. Without RECURSIVE each expression sees those before it, with it all of them. */
  #commonTables({ expressions, recursive }: WithNode, outer: ReadonlySet<string>): ReadonlySet<string> {
    const names = expressions.map(({ name }) => name.table.table.identifier.name);
    for (const [index, { expression }] of expressions.entries()) {
      const seen = recursive === true ? names : names.slice(0, index);
      this.#node(expression, { withNames: new Set([...outer, ...seen]), isInFrom: false });
    }
    return new Set([...outer, ...names]);
  }

  #relation({ table }: TableNode, { withNames }: Position): void {
    const { schema, identifier } = table;
    if (schema === undefined && withNames.has(identifier.name)) return;
    this.relations.push({ schema: schema?.name, name: identifier.name });
  }

  #alias({ alias }: AliasNode, visitNode: () => void): void {
    visitNode();
    if (!RawNode.is(alias)) return;
    const tokens = tokensOf(alias);
    if (tokens === undefined || mayHideTable(tokens, 'alias')) this.#hides(alias);
  }

  #call(node: FunctionNode | AggregateFunctionNode, position: Position): void {
    // Kysely writes the name as it is given.
    const name = functionName.test(node.func) ? tokensIn(`${node.func}()`) : undefined;
    const called = name && functionsIn(name);
    if (called === undefined) this.hidden.add(`a function's name: ${shown(node.func)}`);
    for (const one of called ?? []) this.functions.add(one);
    // A table among the arguments is a row of what FROM has named.
    const args = FunctionNode.is(node) ? node.arguments : node.aggregated;
    this.#children(node, { ...position, isInFrom: false }, new Set(args.filter((arg) => TableNode.is(arg))));
  }

  #raw(node: RawNode, place: Place, position: Position): void {
    const tokens = tokensOf(node);
    const called = tokens && functionsIn(tokens);
    if (tokens === undefined || called === undefined || mayHideTable(tokens, place)) this.#hides(node);
    for (const name of called ?? []) this.functions.add(name);
    for (const inner of tokens ?? node.parameters) this.#interpolated(inner, position);
  }

  #interpolated(inner: Token | OperationNode, position: Position): void {
    if (!('text' in inner)) this.#node(inner, position);
    else if (inner.kind === 'node') this.#node(inner.node, position);
  }

  #hides(raw: RawNode): void {
    this.hidden.add(`raw SQL: ${shown(raw.sqlFragments.join('?'))}`);
  }

  #children(node: OperationNode, position: Position, without: ReadonlySet<unknown> = new Set()): void {
    for (const value of Object.values(node)) {
      const children: unknown[] = Array.isArray(value) ? value : [value];
      for (const child of children) if (isNode(child) && !without.has(child)) this.#node(child, position);
    }
  }
}

function targetOf(node: QueryNode): OperationNode | undefined {
  if (UpdateQueryNode.is(node)) return node.table;
  if (InsertQueryNode.is(node) || MergeQueryNode.is(node)) return node.into;
  return DeleteQueryNode.is(node) ? node.from : undefined;
}

function isQuery(node: OperationNode): node is QueryNode {
  return queryKinds.some((kind) => kind.is(node));
}

function isNode(value: unknown): value is OperationNode {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
}

/** The beginning of the text, which a programmer wrote: values that clients sent are parameters. */
function shown(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
