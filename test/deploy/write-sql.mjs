/**
 * npm run manifests: writes the files of sql/ into the ConfigMap at the end of manifests/postgres.yaml, from which the
 * database's container runs them. Kustomize could do that, but it reads no file outside of its folder, and
 * `kubectl apply -f` reads none.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';

new Command('npm run manifests --')
  .description('Writes the text of sql/ into the ConfigMap of manifests/postgres.yaml.')
  .parse();

const root = join(import.meta.dirname, '../..');
const manifest = join(root, 'manifests/postgres.yaml');
const mark = '\ndata:\n';

const names = (await readdir(join(root, 'sql'))).filter((name) => name.endsWith('.sql')).toSorted();
const entries = await Promise.all(
  names.map(async (name) => `  ${name}: |\n${indented(await readFile(join(root, 'sql', name), 'utf8'))}`),
);
const text = await readFile(manifest, 'utf8');
const end = text.lastIndexOf(mark);
if (end < 0) throw new Error(`${manifest} has no line "data:"`);
await writeFile(manifest, text.slice(0, end) + mark + entries.join(''));

/** Indents lines for a literal block of YAML. An empty line stays empty. */
function indented(lines) {
  return lines.replace(/^(?=.)/gm, '    ');
}
