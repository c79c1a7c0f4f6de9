import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../package-file.ts';

/** In the order in which they run. */
const sqlNames = ['1-tables.sql', '2-seed.sql', '3-publication.sql'] as const;

/** The paths of the files that create and fill an empty database, in order. */
export function sqlFiles(): string[] {
  return sqlNames.map((name) => fileURLToPath(packageFile(`sql/${name}`)));
}

/** The text of a file of the package's `sql` folder. */
export function sqlText(name: (typeof sqlNames)[number]): Promise<string> {
  return readFile(packageFile(`sql/${name}`), 'utf8');
}
