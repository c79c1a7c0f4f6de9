/**
 * Raw SQL as words and marks, so that it can be judged without being understood.
 *
 * What cannot be cut up with certainty is said to be so, and then counts as hiding tables: comments, dollar quotes, a
 * backslash before a quote (its meaning is a setting of the server), and an interpolation inside quotes or in a word.
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
import { RawNode, ValueNode, type OperationNode } from 'kysely';

/** `word`: folded to lower case, as PostgreSQL does; `name`: a quoted identifier; `node`: what was interpolated. */
export type Token =
  | { readonly kind: 'word' | 'name' | 'text' | 'number' | 'mark'; readonly text: string }
  | { readonly kind: 'node'; readonly text: ''; readonly node: OperationNode };

/** Stands in the text for what was interpolated: of Unicode's private use. */
const gap = '\uE000';

const gapInWord = /[\w$\u0080-\uDFFF\uE001-\uFFFF]\uE000|\uE000[\w$\u0080-\uDFFF\uE001-\uFFFF]/;
const uncertain = /--|\/\*|\\['"]|\$[A-Za-z_$\u0080-\uFFFF]/;
const pattern =
  /\s+|(?<word>[A-Za-z_\u0080-\uDFFF\uE001-\uFFFF][\w$\u0080-\uDFFF\uE001-\uFFFF]*)|(?<name>"(?:[^"\uE000]|"")+")|(?<text>'(?:[^'\uE000]|'')*')|(?<number>\d[\w.]*|\$\d+)|(?<gap>\uE000)|(?<mark>[^"'\uE000])/g;

/** The tokens of a raw fragment, raw fragments in it included; undefined where they are not certain. */
export function tokensOf(raw: RawNode): Token[] | undefined {
  const nodes: OperationNode[] = [];
  const text = textOf(raw, nodes);
  if (text.split(gap).length - 1 !== nodes.length || gapInWord.test(text)) return undefined;
  return tokensIn(text, nodes);
}

/** The tokens of a text; undefined where they are not certain. */
export function tokensIn(text: string, nodes: readonly OperationNode[] = []): Token[] | undefined {
  if (uncertain.test(text)) return undefined;
  const tokens: Token[] = [];
  let nodesSeen = 0;
  let end = 0;
  for (const { 0: all, index, groups = {} } of text.matchAll(pattern)) {
    if (index !== end) return undefined;
    end += all.length;
    const token = tokenOf(groups, nodes[nodesSeen]);
    if (token?.kind === 'node') nodesSeen += 1;
    if (token !== undefined) tokens.push(token);
  }
  return end === text.length ? tokens : undefined;
}

/** Raw fragments in a raw fragment are one text with it: a word may be put together of them. */
function textOf(raw: RawNode, nodes: OperationNode[]): string {
  const { sqlFragments, parameters } = raw;
  return sqlFragments
    .map((fragment, index) => {
      const parameter = parameters[index];
      if (parameter === undefined) return fragment;
      if (RawNode.is(parameter)) return fragment + textOf(parameter, nodes);
      nodes.push(parameter);
      return fragment + gap;
    })
    .join('');
}

function tokenOf(groups: Record<string, string>, node: OperationNode | undefined): Token | undefined {
  const { word, name, text, number, mark } = groups;
  if (word !== undefined) return { kind: 'word', text: word.toLowerCase() };
  if (name !== undefined) return { kind: 'name', text: name.slice(1, -1).replaceAll('""', '"') };
  if (text !== undefined) return { kind: 'text', text };
  if (number !== undefined) return { kind: 'number', text: number };
  if (mark !== undefined) return { kind: 'mark', text: mark };
  return groups['gap'] === undefined || node === undefined ? undefined : { kind: 'node', text: '', node };
}

/** Whether the token can be the name of a function that is called: a value cannot. */
export function isNameLike(token: Token | undefined): boolean {
  if (token?.kind === 'node') return !ValueNode.is(token.node);
  return token?.kind === 'word' || token?.kind === 'name';
}
