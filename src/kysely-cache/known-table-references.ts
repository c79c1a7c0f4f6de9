/**
 * What statements read, remembered by text: a program runs few texts, with other parameters each time. Only the text is sent to
 * PostgreSQL, so equal texts read the same, whether a query builder or raw SQL made them.
 *
 * What is remembered are names. Their meaning, which changes with the catalogue, is resolved for each run.
 */
import { LRUCache } from 'lru-cache';
import { tableReferencesOf, type TableReferences } from './table-references.ts';
import type { SqlParser } from './sql-parser.ts';
import { mayHaveEffect, type TransactionEffect } from './transaction-effect.ts';

/** In characters of texts: a statement with a list has another text for each length of the list. */
const charsMax = 1_000_000;
/** The approximate size of the references of a text, and of each name in them, besides the text. */
const readingChars = 1_000;
const nameChars = 50;

export class KnownTableReferences {
  readonly #parser: Pick<SqlParser, 'parse'>;
  readonly #byText = new LRUCache<string, TableReferences>({
    maxSize: charsMax,
    sizeCalculation: (reading, text) => text.length + readingChars + nameChars * namesIn(reading),
  });

  constructor(parser: Pick<SqlParser, 'parse'>) {
    this.#parser = parser;
  }

  of(text: string): TableReferences {
    const reading = this.#byText.get(text);
    if (reading !== undefined) return reading;
    const parsed = this.#parser.parse(text);
    const parsedReading = tableReferencesOf(text, parsed);
    if ('statements' in parsed || !parsed.isForNow) this.#byText.set(text, parsedReading);
    return parsedReading;
  }

  /** What a text does to the transaction of its connection. Most texts need not be parsed for that. */
  transactionEffectOf(text: string): TransactionEffect {
    return mayHaveEffect(text) ? this.of(text).transaction : 'none';
  }
}

function namesIn({ relations, functions, operators, rowNames, types }: TableReferences): number {
  return relations.length + functions.size + operators.size + rowNames.size + types.size;
}
