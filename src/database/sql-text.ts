import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** In the order in which they run. */
const sqlNames = ['1-tables.sql', '2-seed.sql', '3-publication.sql'] as const;

/** The paths of the files that create and fill an empty database, in order. */
export function sqlFiles(): string[] {
  const here = new URL('.', import.meta.url);
  return sqlNames.map((name) => fileURLToPath(sqlFile(here, name)));
}

/** The text of a file of the package's `sql` folder. */
export function sqlText(name: (typeof sqlNames)[number]): Promise<string> {
  return readFile(sqlFile(new URL('.', import.meta.url), name), 'utf8');
}

/** `sql` stands at the package's root: two folders above this file as source, three as built. */
function sqlFile(from: URL, name: string): URL {
  const file = new URL(`sql/${name}`, from);
  if (existsSync(file)) return file;
  const parent = new URL('..', from);
  if (parent.href === from.href) throw new Error(`sql/${name} is missing from the package`);
  return sqlFile(parent, name);
}
