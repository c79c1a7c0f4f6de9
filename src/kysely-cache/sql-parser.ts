/**
 * PostgreSQL's own parser, compiled to WebAssembly: https://github.com/constructive-io/libpg-query-node
 *
 * It is loaded when the first connection is made. A text that is nested about 6,000 levels deep overflows the stack; that error
 * leaves the parser's memory in disorder (after 60 of them it calls the wrong functions), so a new instance replaces it. Until
 * that one is loaded, about 50 ms later, new texts cannot be parsed.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type * as Library from 'libpg-query';

/** The raw statements of a text as PostgreSQL's parse tree; or why there is none, permanently or for now. */
export type Parsed =
  { readonly statements: readonly unknown[] } | { readonly failure: string; readonly isForNow: boolean };

/** A list of 14,000 parameters has about this many characters and takes 10 ms to parse. */
const charsMax = 100_000;
/** For more comments, and longer operators, the parser needs quadratic time: seconds for texts of `charsMax`. */
const commentsMax = 1_000;
const longOperator = /(?:(?!--|\/\*)[-+*/<>=~!@#%^&|`?]){200}/;

/** Parses texts. One per process, because an instance takes about 20 MB. */
export class SqlParser {
  static readonly shared = new SqlParser();

  #library: typeof Library | undefined;
  #loading: Promise<void> | undefined;
  #failure: string | undefined;

  /** Loads the parser, once. Never rejects: if that fails, no text can be parsed. */
  load(): Promise<void> {
    this.#loading ??= loadLibrary().then(
      (library) => void (this.#library = library),
      (error: unknown) => void (this.#failure = `the parser cannot be loaded: ${String(error)}`),
    );
    return this.#loading;
  }

  parse(text: string): Parsed {
    if (text === '') return { statements: [] };
    const obstacle = obstacleIn(text);
    if (obstacle !== undefined) return { failure: obstacle, isForNow: false };
    if (this.#library === undefined) {
      void this.load();
      return { failure: this.#failure ?? 'the parser is not loaded yet', isForNow: true };
    }
    const { parseSync, hasSqlDetails } = this.#library;
    try {
      return { statements: parseSync(text).stmts ?? [] };
    } catch (error) {
      if (hasSqlDetails(error)) return { failure: error.message, isForNow: false };
      this.#library = undefined;
      this.#loading = undefined;
      void this.load();
      return { failure: `the parser failed: ${String(error)}`, isForNow: false };
    }
  }
}

/** Why a text is not passed to the parser. */
function obstacleIn(text: string): string | undefined {
  if (text.length > charsMax) return `it is longer than ${charsMax} characters`;
  // Neither reaches PostgreSQL as it is here.
  if (/\0|\p{Surrogate}/u.test(text)) return 'it is not valid Unicode text without NUL';
  if (text.split('/*').length > commentsMax) return `it has more than ${commentsMax} comments`;
  return longOperator.test(text) ? 'it has an operator of more than 200 characters' : undefined;
}

/** A new instance, whatever was loaded before. With a `require` of its own, because `require` caches modules. */
async function loadLibrary(): Promise<typeof Library> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('libpg-query')) + sep;
  for (const file of Object.keys(require.cache)) if (file.startsWith(folder)) delete require.cache[file];
  const library = require('libpg-query') as typeof Library;
  await library.loadModule();
  return library;
}
