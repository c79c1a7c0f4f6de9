/**
 * `npm run pack`: builds cachepot-<version>.tgz, which contains the engine, what caches the resolvers of a schema, the Pothos plugin, the
 * Kysely integration, the tracer for OpenTelemetry and the console, and nothing of the shop. `manifest.json` in this folder is its package.json.
 *
 * The engine, the Kysely integration and the tracer exist once, as ES modules, because a process must have one copy of them: what a
 * load reads is recorded in module state. CommonJS code gets them by `require` of an ES module. The plugin and the
 * part for GraphQL.js have a CommonJS build, too, because they must use the copies of @pothos/core and graphql that the program itself
 * loads.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Command } from 'commander';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..');
// A folder of its own: two may be built at once.
const stage = mkdtempSync(join(tmpdir(), 'cachepot-stage-'));
const entries = ['cache', 'graphql-cache', 'pothos-cache', 'kysely-cache', 'opentelemetry', 'console-page'];
const formatHost = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
const documents = ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs'];

const { destination } = new Command('npm run pack --')
  .description('Builds cachepot-<version>.tgz.')
  .option('--destination <folder>', 'where to put it', '.')
  .parse()
  .opts();

try {
  build();
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function build() {
  compile();
  write('cjs/package.json', '{ "type": "commonjs" }\n');
  for (const entry of ['cache', 'kysely-cache', 'opentelemetry', 'console-page'])
    write(`cjs/${entry}/index.js`, requiring(entry));
  write('package.json', `${JSON.stringify(manifest(), null, 2)}\n`);
  cpSync(join(root, 'dist', 'console'), join(stage, 'console'), { recursive: true });
  for (const name of documents) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true });
  }
  execFileSync('npm', ['pack', '--silent', '--pack-destination', destination, stage], { stdio: 'inherit' });
}

/** Compiles the entries and what they import. The declarations are the same in both formats. */
function compile() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'));
  const { options } = ts.parseJsonConfigFileContent(
    { compilerOptions: { ...config.compilerOptions, sourceMap: false }, files: [] },
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    entries.map((entry) => join(root, 'src', entry, 'index.ts')),
    { ...options, rootDir: join(root, 'src'), outDir: join(stage, 'esm') },
  );
  const { diagnostics } = program.emit(undefined, (path, text) => {
    const name = relative(join(stage, 'esm'), path);
    if (!path.endsWith('.d.ts')) return write(`esm/${name}`, text);
    for (const folder of ['esm', 'cjs']) write(`${folder}/${name}`, withJsExtensions(text));
  });
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, formatHost));
  for (const { fileName, text } of program.getSourceFiles()) {
    const name = relative(join(root, 'src'), fileName);
    if (/^(graphql|pothos)-cache\//.test(name)) write(`cjs/${name.replace(/ts$/, 'js')}`, toCommonJs(text, options));
  }
}

/** Translates one file, without its types: `program` has checked them. */
function toCommonJs(text, options) {
  const format = { module: ts.ModuleKind.CommonJS, verbatimModuleSyntax: false, esModuleInterop: true };
  return ts.transpileModule(text, { compilerOptions: { ...options, ...format } }).outputText;
}

/** The compiler leaves the extension `.ts` in declarations, where no such files are. */
function withJsExtensions(declarations) {
  return declarations.replaceAll(/(['"])(\.{1,2}\/[^'"]*)\.ts\1/g, '$1$2.js$1');
}

function requiring(entry) {
  return `'use strict';
try {
  module.exports = require('../../esm/${entry}/index.js');
} catch (error) {
  if (error.code !== 'ERR_REQUIRE_ESM') throw error;
  throw new Error(\`cachepot: require() needs Node.js 20.19, 22.12 or newer, this is \${process.version}\`);
}
`;
}

function manifest() {
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const own = JSON.parse(readFileSync(join(import.meta.dirname, 'manifest.json'), 'utf8'));
  const { name, description, ...rest } = own;
  return { name, version, description, license, ...rest };
}

function write(path, text) {
  mkdirSync(dirname(join(stage, path)), { recursive: true });
  writeFileSync(join(stage, path), text);
}
