/**
 * What statements read, remembered by their text: a program runs few texts, with other parameters each time. Whatever tree
 * a text was compiled from, PostgreSQL is sent the text alone.
 *
 * What is remembered are names. What they stand for, which changes with the catalogue, is asked at each run.
 */
import type { CompiledQuery } from 'kysely';
import { LRUCache } from 'lru-cache';
import { readingOf, type Reading } from './reading.ts';

/** In characters of texts: a statement with a list has a text for each length of it. */
const charsMax = 1_000_000;
/** What a reading takes beside its text, roughly. */
const readingChars = 500;

export class KnownReadings {
  readonly #byText = new LRUCache<string, Reading>({
    maxSize: charsMax,
    sizeCalculation: (_reading, text) => text.length + readingChars,
  });

  of({ sql, query }: CompiledQuery): Reading {
    const known = this.#byText.get(sql);
    if (known !== undefined) return known;
    const reading = readingOf(query);
    this.#byText.set(sql, reading);
    return reading;
  }
}
