// Texts that no program should send: whatever they do to the parser, the next text is parsed.
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

describe('a text that cannot be parsed leaves the parser as it was', () => {
  const hostile: [string, string, RegExp][] = [
    ['no SQL', 'selekt', /syntax error/],
    ['many parentheses', `select ${'('.repeat(30_000)}`, /memory exhausted/],
    ['a text that is too long', `select '${'x'.repeat(200_000)}'`, /longer than 100000/],
    ['comments in comments', `select 1 ${'/*'.repeat(20_000)}`, /comments/],
    ['a long operator', `select ${'+-'.repeat(20_000)} 1`, /operator/],
    ['a NUL, where PostgreSQL would read no further', 'select 1\0; begin', /NUL/],
    ['half a character', "select '\ud800'", /Unicode/],
    ['an open quote', `select 'x`, /unterminated/],
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
])('the parser is replaced after the depth of %s was too much for it', async (_title, text) => {
  const parser = await loadedParser();
  const expected = parser.parse(usual);
  // An instance that is used further is broken after about sixty.
  for (let times = 0; times < 70; times += 1) {
    expect(outcomeOf(parser.parse(text))).toMatch(/^the parser failed/);
    await parser.load();
  }
  expect(parser.parse(usual)).toEqual(expected);
});

it('says for now only that it is not loaded yet', async () => {
  const parser = new SqlParser();
  expect(parser.parse(usual)).toEqual({ failure: 'the parser is not loaded yet', isForNow: true });
  await parser.load();
  expect(outcomeOf(parser.parse(usual))).toBe('parsed');
});

it('reads neither an empty text nor a comment as a statement', async () => {
  const parser = await loadedParser();
  for (const text of ['', ' ', ';', '-- x', '/* x */;']) expect(parser.parse(text)).toEqual({ statements: [] });
});
