/** Finds the files of this package that are no code, whether it runs as source or as built. */
import { existsSync } from 'node:fs';

/**
 * The address of a file.
 *
 * @param path From the package's root: `sql/1-tables.sql`.
 * @throws {Error} if there is no such file.
 */
export function packageFile(path: string): URL {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL(path, folder);
    if (existsSync(file)) return file;
    if (folder.pathname === '/') throw new Error(`${path} is missing from the package`);
  }
}
