import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { readPages } from './docs/pages.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** What each folder may import: folders of this project, and libraries. A new entry is a design decision. */
const allowed: Record<string, { ours: readonly string[]; libraries: readonly string[] }> = {
  'src/async-context': { ours: [], libraries: [] },
  'src/cache': { ours: ['src/async-context'], libraries: ['ioredis', 'lru-cache'] },
  'src/graphql-cache': { ours: ['src/cache'], libraries: ['graphql', 'lru-cache'] },
  'src/pothos-cache': { ours: ['src/cache', 'src/graphql-cache'], libraries: ['@pothos/core', 'graphql'] },
  'src/kysely-cache': {
    ours: ['src/async-context', 'src/cache'],
    libraries: ['kysely', 'libpg-query', 'lru-cache', 'pg', 'pg-logical-replication'],
  },
  'src/opentelemetry': { ours: ['src/cache'], libraries: ['@opentelemetry/api'] },
  'src/database': {
    ours: ['src/cache', 'src/kysely-cache', 'src/package-file.ts'],
    libraries: ['commander', 'dataloader', 'kysely', 'pg', 'pg-connection-string'],
  },
  'src/embedded': { ours: [], libraries: ['pg'] },
  schema: {
    ours: ['src/pothos-cache', 'src/cache', 'src/database'],
    libraries: ['@pothos/core', '@pothos/plugin-complexity', '@pothos/plugin-errors', 'commander', 'graphql'],
  },
  'src/server': {
    ours: [
      'schema',
      'src/async-context',
      'src/cache',
      'src/graphql-cache',
      'src/console-page',
      'src/database',
      'src/config.ts',
      'src/package-file.ts',
    ],
    libraries: [
      '@pothos/plugin-complexity',
      'content-type',
      'fresh',
      'graphql',
      'graphql-yoga',
      'pino',
      'pino-pretty',
      'prom-client',
      'lru-cache',
    ],
  },
  'src/package-file.ts': { ours: [], libraries: [] },
  'src/console-page': { ours: [], libraries: [] },
  'src/console': {
    ours: [],
    libraries: [
      '@fontsource/fira-code',
      '@graphiql/plugin-doc-explorer',
      '@graphiql/plugin-history',
      '@graphiql/react',
      '@graphiql/toolkit',
      '@vitejs/plugin-react',
      'graphiql',
      'graphql',
      'graphql-sse',
      'jsonc-parser',
      'monaco-editor',
      'monaco-graphql',
      'react',
      'react-dom',
      'vite',
      'vite-plugin-compression2',
      'zustand',
    ],
  },
  'src/config.ts': { ours: ['src/config-values.ts'], libraries: ['zod'] },
  'src/config-values.ts': { ours: ['src/cache', 'src/database'], libraries: ['zod'] },
  'src/open-database.ts': {
    ours: ['src/cache', 'src/config.ts', 'src/database', 'src/embedded', 'src/server'],
    libraries: [],
  },
  'src/open-cache.ts': {
    ours: ['src/cache', 'src/config.ts', 'src/embedded', 'src/opentelemetry', 'src/server'],
    libraries: [],
  },
  'src/main.ts': {
    ours: [
      'schema',
      'src/cache',
      'src/config.ts',
      'src/database',
      'src/embedded',
      'src/open-cache.ts',
      'src/open-database.ts',
      'src/server',
    ],
    libraries: ['commander'],
  },
};
/** Folders that are imported only through their `index.ts`. */
const barrels = [
  'src/async-context',
  'src/cache',
  'src/graphql-cache',
  'src/pothos-cache',
  'src/kysely-cache',
  'src/opentelemetry',
  'src/database',
  'src/console-page',
  'src/embedded',
  'schema',
];
/** Libraries behind a port, and the only folder that imports them. */
const behindPorts: Record<string, string> = { ioredis: 'src/cache/store/redis' };

const files = (await Promise.all(['src', 'schema'].map(sourcesIn))).flat();
const sources = new Map(
  await Promise.all(files.map(async (file) => [file, await readFile(join(repository, file), 'utf8')] as const)),
);

const pages = await readPages();

describe('imports go one way', () => {
  it.each(files)('%s', (file) => {
    expect(importsOf(file).flatMap((name) => faultOf(file, name) ?? [])).toEqual([]);
  });

  it('in every folder', () => {
    expect([...new Set(files.map(folderOf))].toSorted()).toEqual(Object.keys(allowed).toSorted());
  });
});

/** The sections of the panel, which know nothing of each other. */
const sections = ['compare', 'fields', 'live', 'load-test', 'scenarios', 'stats-bar'];
/**
 * Folders that have layers, lowest first: a file imports from its own layer and from those before it. A layer of several folders: they
 * do not import each other.
 */
const layers: Record<string, readonly (string | readonly string[])[]> = {
  'src/cache': ['base', 'events', 'tags', 'entry', 'scope', 'store', 'store/redis', 'memory', 'cdn', '.'],
  // Files directly in the folder serve all of its layers.
  'src/server': ['.', 'transport', 'metrics', 'graphql', 'http'],
  'src/console': [
    ...['request', 'words', 'shared', 'live-cache'].map((folder) => `cache-panel/${folder}`),
    sections.map((folder) => `cache-panel/${folder}`),
    ...['cache-panel', 'page', '.'],
  ],
};

describe.each(Object.entries(layers))('the layers of %s', (top, order) => {
  const inside = files.filter((file) => file.startsWith(`${top}/`));
  const layerOf = (file: string): number =>
    order.findIndex((layer) => [layer].flat().includes(relative(top, dirname(file)) || '.'));
  const isBeside = (file: string, target: string): boolean =>
    layerOf(target) === layerOf(file) && dirname(target) !== dirname(file);

  it('include all of its folders', () => {
    expect(inside.filter((file) => layerOf(file) === -1)).toEqual([]);
  });

  it.each(inside)('%s imports nothing from a layer above', (file) => {
    const targets = importsOf(file).map((name) => join(dirname(file), name));
    const wrong = (target: string): boolean => layerOf(target) > layerOf(file) || isBeside(file, target);
    expect(targets.filter((target) => inside.includes(target) && wrong(target))).toEqual([]);
  });
});

it('no import leads back to its own file, not even an import of types', () => {
  const edges = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .map((name) => join(dirname(file), name))
        .filter((to) => sources.has(to)),
    ]),
  );
  const done = new Set<string>();
  const cycleFrom = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const to of edges.get(file) ?? []) {
      const cycle = cycleFrom(to, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  expect(files.map((file) => cycleFrom(file, [])).filter((cycle) => cycle !== undefined)).toEqual([]);
});

describe('files', () => {
  it('have at most 250 lines', () => {
    const long = files.filter((file) => (sources.get(file) ?? '').trimEnd().split('\n').length > 250);
    expect(long).toEqual([]);
  });

  it('have functions of at most 60 lines', () => {
    expect(files.flatMap(longFunctionsIn)).toEqual([]);
  });

  it('are named after their content', () => {
    expect(files.filter((file) => /utils?|helpers?|common|constants|manager|misc/i.test(file))).toEqual([]);
  });

  it('do not silence the compiler or the linter', () => {
    const silencers = /@ts-(ignore|expect-error|nocheck)|(ox|es)lint-disable/;
    expect(files.filter((file) => silencers.test(sources.get(file) ?? ''))).toEqual([]);
  });
});

/** Terms that the glossary replaces, and sentences without a clear subject, both in text and in identifiers. */
const bannedTerms: readonly (readonly [banned: RegExp, use: string])[] = [
  [
    /\b(departures?|takeOff|takes? off|landings?|boards?|boarded|boarding|provenFor)\b/i,
    'in-flight loads, join, validUpTo',
  ],
  [/\b(recall|rehit)\b/i, 'revalidate'],
  [/\b(ready[ -]?(answers?|way)|short[ -]?way)\b/i, 'response cache, executed-document fast path'],
  [/\b(proofs?|isProven\w*|unproven|ears|deaf|distrust)\b/i, 'coherence, heartbeat, listener, reset'],
  [/\b(leaveAlone|isLeftAlone|left alone|isShut)\b/i, 'bypass, circuit open'],
  [/\b(stands? on|standOn|madeOf|made of|is void|void the)\b/i, 'depends on, invalidated'],
  [/\b(seesAlone\w*|seen-alone|scope-too-wide|too wide)\b/i, 'uncommitted read, viewer-dependent'],
  [/\b(endOfTurn|turns? of the event loop|twins?|sick)\b/i, 'tick, pair, faulty'],
  [
    /\b(he|him|his|himself|nobody|whoever|come by|comes by|came by)\b/i,
    'the request, the caller, the process; obtained',
  ],
  [/\b(interface|type|class) (Asked|Seen|Filled|Kept|Judged|Found|Held)\b/, 'a name for what it represents'],
];

describe('terms', () => {
  it.each([...sources, ...pages.map(({ path, text }) => [path, text] as const)])(
    '%s uses the terms of the glossary',
    (file, text) => {
      const lines = text.split('\n');
      const found = lines.flatMap((line, index) =>
        bannedTerms.flatMap(([banned, use]) => {
          const word = banned.exec(line)?.[0];
          return word === undefined ? [] : [`${file}:${index + 1}: "${word}" → ${use}`];
        }),
      );
      expect(found).toEqual([]);
    },
  );
});

describe('all exports of a barrel are documented', () => {
  const paths = barrels.map((folder) => join(repository, folder, 'index.ts'));
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
  };
  const program = ts.createProgram(paths, options);
  const checker = program.getTypeChecker();

  it.each(barrels)('%s', (folder) => {
    const source = program.getSourceFile(join(repository, folder, 'index.ts'));
    const barrel = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    const exported = barrel === undefined ? [] : checker.getExportsOfModule(barrel);
    expect(exported.length).toBeGreaterThan(0);
    const undocumented = exported.filter((one) => {
      const origin = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
      return ![one, origin].some((symbol) => symbol.getDocumentationComment(checker).length > 0);
    });
    expect(undocumented.map(({ name }) => name)).toEqual([]);
  });
});

it.each(['.', 'test/bench'])('the lock file of %s names no registry, so that it installs from any', async (folder) => {
  const lock = await readFile(join(repository, folder, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).not.toMatch(/https?:\/\/[^"]*(registry|npmjs|jfrog|artifactory)/i);
});

async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(repository, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** The folder of a file, such as `src/cache` or `schema`; for a file directly in `src` the file itself. */
function folderOf(path: string): string {
  const [top = '', next = ''] = path.split('/');
  return top === 'src' ? `${top}/${next}` : top;
}

function importsOf(file: string): string[] {
  return ts.preProcessFile(sources.get(file) ?? '').importedFiles.map(({ fileName }) => fileName);
}

/** The positions of functions whose bodies have more than 60 lines. */
function longFunctionsIn(file: string): string[] {
  const source = ts.createSourceFile(file, sources.get(file) ?? '', ts.ScriptTarget.Latest, true);
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
  const long: string[] = [];
  const visit = (node: ts.Node): void => {
    const body = ts.isFunctionLike(node) && 'body' in node ? node.body : undefined;
    if (body !== undefined) {
      const [first, last] = [lineAt(body.getStart()), lineAt(body.end)];
      if (last - first + 1 > 60) long.push(`${file}:${first}: ${last - first + 1} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return long;
}

/** The fault of an import, if it has one. */
function faultOf(file: string, name: string): string | undefined {
  const folder = folderOf(file);
  const { ours = [], libraries = [] } = allowed[folder] ?? {};
  if (name.startsWith('node:')) return undefined;
  if (!name.startsWith('.')) {
    const library = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
    if (!libraries.includes(library)) return `${folder} does not import ${library}`;
    const place = behindPorts[library] ?? folder;
    return file.startsWith(`${place}/`) || file === place ? undefined : `${library} is imported in ${place} alone`;
  }
  const target = join(dirname(file), name);
  const targetFolder = folderOf(target);
  if (targetFolder === folder) return undefined;
  if (!ours.includes(targetFolder)) return `${folder} does not import ${targetFolder}`;
  const isOpen = !barrels.includes(targetFolder) || target === `${targetFolder}/index.ts`;
  return isOpen ? undefined : `${target} is imported through ${targetFolder}/index.ts`;
}
