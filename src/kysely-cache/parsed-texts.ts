/**
 * What is known of texts of SQL, remembered by text: a program runs few texts, with other parameters each time. Only the text is sent
 * to PostgreSQL, so equal texts do the same, whether a query builder or raw SQL made them.
 */
import { LRUCache } from 'lru-cache';
import type { Parsed, SqlParser } from './sql-parser.ts';

/** In characters of texts: a statement with a list has another text for each length of the list. */
const charsMax = 1_000_000;
/** The approximate size of what is known of a text, and of each name in it, besides the text. */
const knownChars = 1_000;
const nameChars = 50;

export class ParsedTexts<T extends object> {
  readonly #parser: Pick<SqlParser, 'parse'>;
  readonly #read: (text: string, parsed: Parsed) => T;
  readonly #byText: LRUCache<string, T>;

  /** @param read Returns what is known of a text, and how many names that contains. */
  constructor(
    parser: Pick<SqlParser, 'parse'>,
    { read, namesIn }: { read: (text: string, parsed: Parsed) => T; namesIn: (known: T) => number },
  ) {
    this.#parser = parser;
    this.#read = read;
    this.#byText = new LRUCache({
      maxSize: charsMax,
      sizeCalculation: (known, text) => text.length + knownChars + nameChars * namesIn(known),
    });
  }

  of(text: string): T {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const parsed = this.#parser.parse(text);
    const result = this.#read(text, parsed);
    if ('statements' in parsed || !parsed.isForNow) this.#byText.set(text, result);
    return result;
  }
}
