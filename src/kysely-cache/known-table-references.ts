/** What statements read. What is remembered are names. Their meaning, which changes with the catalogue, is resolved for each run. */
import { ParsedTexts } from './parsed-texts.ts';
import type { SqlParser } from './sql-parser.ts';
import { tableReferencesOf, type TableReferences } from './table-references.ts';
import { mayHaveEffect, type TransactionEffect } from './transaction-effect.ts';

export class KnownTableReferences {
  readonly #texts: ParsedTexts<TableReferences>;

  constructor(parser: Pick<SqlParser, 'parse'>) {
    this.#texts = new ParsedTexts(parser, { read: tableReferencesOf, namesIn });
  }

  of(text: string): TableReferences {
    return this.#texts.of(text);
  }

  /** What a text does to the transaction of its connection. Most texts need not be parsed for that. */
  transactionEffectOf(text: string): TransactionEffect {
    return mayHaveEffect(text) ? this.of(text).transaction : 'none';
  }
}

function namesIn({ relations, functions, operators, rowNames, types }: TableReferences): number {
  return relations.length + functions.size + operators.size + rowNames.size + types.size;
}
