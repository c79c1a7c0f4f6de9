/** The documentation: the Markdown files of the repository's root, such as README.md, and the pages below docs/. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../package/installed.ts';

/** One page: its path in the repository, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A block of TypeScript. A program has a name; a fragment relies on the declarations of `prelude.ts`. */
export interface CodeBlock {
  readonly page: string;
  readonly program: string | undefined;
  readonly code: string;
}

export async function readPages(): Promise<readonly Page[]> {
  const entries = await readdir(join(repository, 'docs'), { recursive: true });
  const top = await readdir(repository);
  const paths = [...top, ...entries.map((entry) => `docs/${entry}`)].filter((path) => path.endsWith('.md'));
  return Promise.all(
    paths.toSorted().map(async (path) => ({ path, text: await readFile(join(repository, path), 'utf8') })),
  );
}

export function codeBlocksOf({ path, text }: Page): readonly CodeBlock[] {
  const blocks = text.matchAll(/(?:<!-- program: ([\w-]+) -->\n\n)?^```ts\n([^]*?)^```$/gm);
  return [...blocks].map(([, program, code = '']) => ({ page: path, program, code }));
}

/** Links to files of the repository and to headings, as written. */
export function linksOf({ text }: Page): readonly string[] {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '``');
  return [...prose.matchAll(/\]\(((?!https?:|mailto:)[^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf({ text }: Page): readonly string[] {
  const headings = text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
