/** Finds the files of this package that are not code, whether it runs as source or as built. */
import { existsSync } from 'node:fs';

/**
 * The address of a file.
 *
 * @param path From the package's root: `sql/1-tables.sql`.
 * @throws {Error} if there is no such file.
 */
export function packageFile(path: string): URL {
  let folder = new URL('.', import.meta.url);
  for (;;) {
    const file = new URL(path, folder);
    if (existsSync(file)) return file;
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw new Error(`${path} is missing from the package`);
    folder = parent;
  }
}
