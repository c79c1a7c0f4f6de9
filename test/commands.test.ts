import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from './server/start-server.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** The npm scripts that are programs of this project, by name, with the arguments that Node.js gets. */
const commands = {
  start: ['dist/src/main.js'],
  migrate: ['dist/src/database/migrate-cli.js'],
  seed: ['dist/src/database/seed-cli.js'],
  feed: ['dist/src/database/feed-cli.js'],
  compare: ['test/bench/compare.mjs'],
  bench: ['test/bench/bench.mjs'],
  'bench:curves': ['test/bench/curves.mjs'],
  'bench:engine': ['test/bench/curves.mjs', '--only', 'engine,hashes'],
  'bench:tracing': ['test/bench/tracing.mjs'],
  schema: ['dist/schema/print.js'],
  trace: ['test/trace/trace.mjs'],
  pack: ['test/package/pack.mjs'],
  manifests: ['test/deploy/write-sql.mjs'],
};

describe('a command', () => {
  it('is in the list above if package.json runs a program of this project with it', async () => {
    const { scripts } = JSON.parse(await readFile(`${repository}package.json`, 'utf8')) as {
      scripts: Record<string, string>;
    };
    const programs = Object.entries(scripts).filter(([, script]) => /^(exec )?node /.test(script));
    const expected = programs.map(([name, script]) => [name, script.replace(/^(exec )?node /, '').split(' ')]);
    expect(commands).toEqual(Object.fromEntries(expected));
  });

  it.each(Object.entries(commands))('%s prints its usage with --help', async (_, args) => {
    const { code, stdout, stderr } = await node([...args, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm (start|run [\w:]+) -- /);
    expect(stdout.split('\n').length).toBeGreaterThan(5);
  });

  it.each(Object.entries(commands))('%s rejects an unknown option without a stack trace', async (_, args) => {
    const { code, stdout, stderr } = await node([...args, '--colour']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: unknown option '--colour'\n/);
    expect(stderr).not.toContain('    at ');
  });

  it('start --help lists every documented environment variable', async () => {
    const { stdout } = await node([...commands.start, '--help']);
    const readme = await readFile(`${repository}docs/shop.md`, 'utf8');
    const documented = [...readme.matchAll(/^\| `([A-Z_]+)`(?:, `([A-Z_]+)`)? +\|/gm)].flatMap(([, ...names]) => names);
    const names = documented.filter((name) => name !== undefined);
    expect(names).toContain('CACHE_TTL');
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S+ +\\S`, 'm'));
    expect(stdout).toMatch(/^ {2}PORT +8000 /m);
    expect(stdout).toMatch(/^ {2}CACHE_REPORT +on /m);
  });
});

describe('npm run compare', () => {
  it('prints progress, and both times of each query', async () => {
    const { url } = await startServer();
    const { code, stdout, stderr } = await node([...commands.compare, `${url}/graphql`, '--pairs', '2']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^categoryStats: pair 1 of 2…\nsearchProducts: .*\ntopProducts: .*\n$/);
    expect(stdout).toMatch(/^query +source .*\(ms, 2 runs each\)\n/);
    for (const name of ['categoryStats', 'searchProducts', 'topProducts']) {
      expect(stdout).toMatch(
        new RegExp(`^${name} +database( +[\\d.]+){4}\\n${name} +redis( +[\\d.]+){4}\\n +\\d+ times`, 'm'),
      );
    }
  });

  it.each<[string, RequestListener, RegExp]>([
    ['a response that is not GraphQL', (_, response) => response.end('<html>'), /answered 200 without GraphQL: /],
    ['a failing proxy', (_, response) => response.writeHead(502).end('{}'), /answered 502 without GraphQL: /],
    [
      'a server that closes the connection',
      (_, response) => response.destroy(),
      /cannot be reached \(\w+.*\): start the server/,
    ],
    ['a missing report', (_, response) => response.end('{"data":{}}'), /does not report its cache: .*CACHE_REPORT=on/],
    [
      'a GraphQL error',
      (_, response) => response.end('{"errors":[{"message":"no such field"}]}'),
      /rejected \{ categoryStats .*: no such field\n$/,
    ],
  ])('reports %s in one line', async (_, listener, line) => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await node([...commands.compare, `http://127.0.0.1:${port}/graphql`]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('reports that @cache needs the console', async () => {
    const { url } = await startServer({ hasConsole: false });
    const { stderr } = await node([...commands.compare, `${url}/graphql`]);
    expect(stderr).toMatch(/rejected .*\(@cache needs a server with CONSOLE=on\)\n$/);
  });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function node(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { cwd: repository, env: {} }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
