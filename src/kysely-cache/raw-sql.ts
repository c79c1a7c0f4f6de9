/**
 * What a raw fragment may hide. It is not parsed: a table can only be named after certain words, after a comma in a FROM
 * clause, or in the place of a table; wherever one of these is, the fragment may hide one. A false alarm costs a value that
 * is not stored, a miss would cost one that is never invalidated.
 */
import { AliasNode, ParensNode, SelectQueryNode, TableNode, ValueNode, type OperationNode } from 'kysely';
import { isNameLike, type Token } from './raw-tokens.ts';

/** Where a fragment stands: as a whole statement, in the place of a table, as an alias, where a comma would begin another item of FROM, elsewhere. */
export type Place = 'statement' | 'table' | 'alias' | 'end-of-from' | 'expression';

/** What follows these is, or may be, a table. */
const tableWords = new Set(['from', 'join', 'into', 'update', 'merge', 'table', 'using']);

const statementWords = new Set(['select', 'values', 'with', 'insert', 'delete']);

/** Words that stand before a parenthesis and cannot be a function's name unless they are quoted. */
const reservedWords = new Set(
  (
    'all and any array as asc between bit case cast char check coalesce collate dec decimal desc distinct else end except ' +
    'exists extract float for greatest group grouping having in intersect interval lateral least limit nchar not nullif ' +
    'numeric offset on only or order overlay position returning row select some substring then time timestamp to trim ' +
    'union using values varchar when where window with'
  ).split(' '),
);
/** Words that can be a function's name, and are none directly after an operand. */
const wordsAfterOperand = new Set(['filter', 'ilike', 'like', 'over', 'within']);
/** Nor are these after those. */
const wordsInPairs: Readonly<Record<string, readonly string[]>> = {
  by: ['group', 'order', 'partition'],
  sets: ['grouping'],
};

/** Their FROM is none of a query, where it stands directly in their parentheses. */
const functionsWithFrom = new Set(['extract', 'overlay', 'substring', 'trim']);

/** Whether the tokens may name a table that is not a node. */
export function mayHideTable(tokens: readonly Token[], place: Place): boolean {
  if (!isBalanced(tokens)) return true;
  if (tokens.some((token, index) => isTableWord(tokens, token, index))) return true;
  switch (place) {
    case 'statement':
      return !isWord(
        tokens.find((token) => !isMark(token, '(')),
        statementWords,
      );
    case 'table':
      return !isTableExpression(tokens);
    case 'alias':
      return !isAlias(tokens);
    case 'end-of-from':
      return hasOuterComma(tokens);
    default:
      return false;
  }
}

/** The functions that are called, by their bare names; undefined where a call has a name that is not in the text. */
export function functionsIn(tokens: readonly Token[]): string[] | undefined {
  const names: string[] = [];
  for (const [index, name] of tokens.entries()) {
    if (!isMark(tokens[index + 1], '(') || !isNameLike(name) || isNoCall(tokens, index)) continue;
    if (name.kind === 'node') {
      if (!isEnclosed(name.node)) return undefined;
    } else names.push(name.text);
  }
  return names;
}

function isTableWord(tokens: readonly Token[], token: Token, index: number): boolean {
  if (!isWord(token, tableWords)) return false;
  const before = tokens[index - 1];
  switch (token.text) {
    case 'from':
      return !(isDistinctFrom(tokens, index) || isInFunctionWithFrom(tokens, index));
    case 'update': // FOR UPDATE, FOR NO KEY UPDATE, ON CONFLICT … DO UPDATE
      return !(isWord(before, ['for', 'do']) || (isWord(before, ['key']) && isWord(tokens[index - 2], ['no'])));
    case 'using':
      return !isMark(tokens[index + 1], '(');
    default:
      return true;
  }
}

/** `IS DISTINCT FROM`, `IS NOT DISTINCT FROM`. */
function isDistinctFrom(tokens: readonly Token[], index: number): boolean {
  if (!isWord(tokens[index - 1], ['distinct'])) return false;
  return isWord(tokens[index - 2], ['is']) || (isWord(tokens[index - 2], ['not']) && isWord(tokens[index - 3], ['is']));
}

function isInFunctionWithFrom(tokens: readonly Token[], index: number): boolean {
  const opening = openingOf(tokens, index);
  return opening > 0 && isWord(tokens[opening - 1], functionsWithFrom) && !isWord(tokens[opening + 1], ['select']);
}

/** Whether no function is called, although a name stands before a parenthesis. */
function isNoCall(tokens: readonly Token[], index: number): boolean {
  const name = tokens[index];
  const before = tokens[index - 1];
  // `t AS name(…)`, `CAST(… AS name(…))`, `…::name(…)`
  if (isWord(before, ['as']) || (isMark(before, ':') && isMark(tokens[index - 2], ':'))) return true;
  if (isMark(before, '.')) return false;
  if (isWord(name, reservedWords)) return true;
  if (isWord(name, wordsAfterOperand)) return isOperand(before);
  return name?.kind === 'word' && isWord(before, wordsInPairs[name.text] ?? []);
}

/** Whether the token ends an operand for sure: a word may also be one of SQL's own. */
function isOperand(token: Token | undefined): boolean {
  if (token === undefined || token.kind === 'word') return false;
  return token.kind !== 'mark' || isMark(token, ')') || isMark(token, ']');
}

/** `name(…)`, with ordinality or without, or something in parentheses: no bare name, and no second one. */
function isTableExpression(tokens: readonly Token[]): boolean {
  const [only] = tokens;
  if (tokens.length === 1 && only?.kind === 'node') return isEnclosed(only.node) || TableNode.is(only.node);
  const opening = tokens.findIndex((token) => isMark(token, '('));
  const isNamed = tokens.slice(0, Math.max(0, opening)).every((token, index) => {
    return index % 2 === 0 ? token.kind === 'word' || token.kind === 'name' : isMark(token, '.');
  });
  // `only (t)` is a table.
  if (opening === -1 || !isNamed || isWord(only, reservedWords)) return false;
  const closing = tokens.findIndex((token, index) => isMark(token, ')') && openingOf(tokens, index) === opening);
  const rest = tokens.slice(closing + 1);
  return rest.length === 0 || (rest.length === 2 && isWord(rest[0], ['with']) && isWord(rest[1], ['ordinality']));
}

/** `name`, `name(column, …)`, `name(column type, …)`. */
function isAlias(tokens: readonly Token[]): boolean {
  const [name, opening] = isWord(tokens[0], ['as']) ? tokens.slice(1) : tokens;
  if (name === undefined || name.kind === 'mark') return false;
  if (opening === undefined) return true;
  const last = tokens.length - 1;
  return isMark(opening, '(') && isMark(tokens[last], ')') && openingOf(tokens, last) === tokens.indexOf(opening);
}

/** What Kysely writes in parentheses, or as a parameter: no name could be read out of it. */
function isEnclosed(node: OperationNode): boolean {
  return (
    SelectQueryNode.is(node) ||
    ValueNode.is(node) ||
    ParensNode.is(node) ||
    (AliasNode.is(node) && isEnclosed(node.node))
  );
}

/** Whether parentheses close what they open, and nothing else; and the statement is one. */
function isBalanced(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const token of tokens) {
    if (isMark(token, '(')) depth += 1;
    if (isMark(token, ')')) depth -= 1;
    if (depth < 0 || isMark(token, ';')) return false;
  }
  return depth === 0;
}

/** Whether there is a comma outside of all parentheses. */
function hasOuterComma(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const token of tokens) {
    if (isMark(token, '(')) depth += 1;
    if (isMark(token, ')')) depth -= 1;
    if (depth === 0 && isMark(token, ',')) return true;
  }
  return false;
}

/** Where the parenthesis opens that the token at `index` is directly in, or that it closes; -1 where there is none. */
function openingOf(tokens: readonly Token[], index: number): number {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    if (isMark(tokens[at], ')')) depth += 1;
    if (isMark(tokens[at], '(')) {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return -1;
}

function isWord(token: Token | undefined, words: Iterable<string>): boolean {
  return token?.kind === 'word' && new Set(words).has(token.text);
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}
