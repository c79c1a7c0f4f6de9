// SQL texts that no program should send: whatever they do to the parser, it parses the next text.
import { describe, expect, it } from 'vitest';
import { SqlParser, type Parsed } from '../../src/kysely-cache/sql-parser.ts';

const usual = 'with a as (select 1) select * from a join products using (id)';

async function loadedParser(): Promise<SqlParser> {
  const parser = new SqlParser();
  await parser.load();
  return parser;
}

function outcomeOf(parsed: Parsed): string {
  return 'failure' in parsed ? parsed.failure : 'parsed';
}

describe('the parser rejects a text and still parses the next one', () => {
  const hostile: [string, string, RegExp][] = [
    ['a text that is not SQL', 'selekt', /syntax error/],
    ['many parentheses', `select ${'('.repeat(30_000)}`, /memory exhausted/],
    ['a text that is too long', `select '${'x'.repeat(200_000)}'`, /longer than 100000/],
    ['nested comments', `select 1 ${'/*'.repeat(20_000)}`, /comments/],
    ['a long operator', `select ${'+-'.repeat(20_000)} 1`, /operator/],
    ['a NUL, after which PostgreSQL would ignore the rest', 'select 1\0; begin', /NUL/],
    ['half a surrogate pair', "select '\ud800'", /Unicode/],
    ['an unterminated string', `select 'x`, /unterminated/],
  ];
  it.each(hostile)('%s', async (_title, text, reason) => {
    const parser = await loadedParser();
    expect(outcomeOf(parser.parse(text))).toMatch(reason);
    expect(outcomeOf(parser.parse(usual))).toBe('parsed');
  });
});

it.each([
  ['a sum', `select 1${'+1'.repeat(30_000)}`],
  ['casts', `select 1${'::int'.repeat(15_000)}`],
])('the parser is replaced after it has failed on the depth of %s', async (_title, text) => {
  const parser = await loadedParser();
  const expected = parser.parse(usual);
  // An instance that is not replaced breaks after about sixty such texts.
  for (let times = 0; times < 70; times += 1) {
    expect(outcomeOf(parser.parse(text))).toMatch(/^the parser failed/);
    await parser.load();
  }
  expect(parser.parse(usual)).toEqual(expected);
});

it('reports a temporary failure until it is loaded', async () => {
  const parser = new SqlParser();
  expect(parser.parse(usual)).toEqual({ failure: 'the parser is not loaded yet', isForNow: true });
  await parser.load();
  expect(outcomeOf(parser.parse(usual))).toBe('parsed');
});

it('finds no statement in an empty text or a comment', async () => {
  const parser = await loadedParser();
  for (const text of ['', ' ', ';', '-- x', '/* x */;']) expect(parser.parse(text)).toEqual({ statements: [] });
});
