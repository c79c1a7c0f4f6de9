/** The README's example as a stranger uses it: the packed package in a folder of its own, compiled and run. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedVersion, newProject, packPackage, run, type Project } from './package/installed.ts';
import { startTestRedis } from './support/redis.ts';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '..');
let folder = '';
let project: Project;

beforeAll(async () => {
  const packed = await packPackage();
  const names = ['graphql-yoga', 'ioredis', 'graphql', '@pothos/core', 'kysely', 'pg', '@types/pg', 'dataloader'];
  const versions = await Promise.all(names.map(async (name) => [name, await installedVersion(name)] as const));
  project = await newProject(packed.path, { type: 'module', dependencies: Object.fromEntries(versions) });
  folder = project.folder;
  await packed.remove();
  await project.write('books.ts', await exampleText('example'));
  await project.write('traced.ts', tracedProgram(await exampleText('example')));
  await project.write('tables.ts', tablesProgram(await exampleText('tables')));
}, 180_000);

afterAll(() => project.remove());

describe("the README's example", () => {
  it('compiles under strict settings against the installed package', async () => {
    const files = ['books.ts', 'traced.ts', 'tables.ts'];
    // graphql-yoga's own declarations need skipLibCheck.
    await expect(project.compile(files, { module: 'nodenext', skipLibCheck: 'true' })).resolves.toBeDefined();
  });

  it.each([
    ['Redis', 'redis', () => inject('redisSocketPath')],
    ['memory', 'memory', () => ''],
  ])('caches in %s, gives Dates back as Dates, and sees what a mutation changed', async (_name, tier, redisUrl) => {
    const ask = await startExample(redisUrl());
    await ask('mutation { addBook(title: "Before") { id } }');
    const first = await ask('{ books { title year } }');
    const second = await ask('{ books { title year } }');
    expect(first.extensions.cache.fields[0]).toMatchObject({ state: 'miss' });
    expect(second.extensions.cache.fields[0]).toMatchObject({ state: 'hit', tier, field: 'Query.books' });
    expect(second.data).toEqual(first.data);
    await ask('mutation { addBook(title: "After") { id } }');
    const third = await ask('{ books { title year } }');
    expect(third.extensions.cache.fields[0]).toMatchObject({ state: 'miss' });
    expect(third.data.books?.map(({ title }) => title)).toEqual(['The Pothos Gardener', 'Before', 'After']);
  });

  it('keeps the extensions of other plugins beside the report', async () => {
    const ask = await startExample('', 'traced.js');
    expect((await ask('{ books { title } }')).extensions).toMatchObject({ traced: true, cache: { fields: [{}] } });
  });

  it('answers a mutation that has taken effect, though Redis is unavailable', async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const ask = await startExample(redis.socketPath);
    redis.kill('SIGKILL');
    expect(await ask('mutation { addBook(title: "After all") { title } }')).toEqual({
      data: { addBook: { title: 'After all' } },
    });
    const { data } = await ask('{ books(title: "After all") { title } }');
    expect(data.books).toEqual([{ title: 'After all' }]);
  });
});

it("the README's lines for Kysely give a value the tables of its SQL as tags, in the installed package", async () => {
  const env = { ...process.env, DATABASE_URL: inject('databaseUrl') };
  const { stdout } = await run(process.execPath, ['tables.js'], { cwd: folder, env });
  expect(stdout.trim().split('\n')).toEqual(['miss', 'hit', 'hit', 'miss']);
});

it('the README links to files that exist', async () => {
  const targets = [...(await readmeText()).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(0);
  expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
});

interface Answer {
  data: { books?: { title: string; year: number }[] };
  extensions: { cache: { fields: { state: string }[] } };
}

/** The example with a plugin in front that has an extension of its own. */
function tracedProgram(example: string): string {
  const traced = `const useTraced = (): Plugin => ({
    onExecute: () => ({
      onExecuteDone({ result, setResult }) {
        if (!(Symbol.asyncIterator in result)) setResult({ ...result, extensions: { traced: true } });
      },
    }),
  });`;
  return example
    .replace('const schema =', `${traced}\nconst schema =`)
    .replace('plugins: [useCacheReport()]', 'plugins: [useTraced(), useCacheReport()]');
}

/** Starts the compiled example on a free port; gives what asks it. */
async function startExample(redisUrl: string, program = 'books.js'): Promise<(query: string) => Promise<Answer>> {
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: { ...process.env, PORT: '0', REDIS_URL: redisUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the example ended')));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const [, found] = /port: (\d+)/.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return async (query) => {
    const response = await fetch(`http://localhost:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as Answer;
  };
}

async function exampleText(name: string): Promise<string> {
  const [, example] = new RegExp(`<!-- ${name}:[^]*?\`\`\`ts\\n([^]*?)\`\`\``).exec(await readmeText()) ?? [];
  if (example === undefined) throw new Error(`README.md has no example "${name}"`);
  return example;
}

/** A program around the README's lines: says how a value is come by, before and after two tables are invalidated. */
function tablesProgram(lines: string): string {
  return `
    import { createCache, createMemoryStore, createPolicy } from 'cachepot/cache';
    import { touchedTables } from 'cachepot/kysely';
    import DataLoader from 'dataloader';
    import { Kysely, PostgresDialect } from 'kysely';
    import { Pool } from 'pg';
    interface Database { products: { id: number; name: string }; reviews: { id: number } }
    const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
    const store = createMemoryStore({ namespace: 'tables' });
    ${lines}
    const names = new DataLoader(async (ids: readonly number[]) => {
      const rows = await db.selectFrom('products').select(['id', 'name']).where('id', 'in', ids).execute();
      return ids.map((id) => rows.find((row) => row.id === id)?.name ?? new Error('unknown'));
    });
    const ask = (): Promise<string> =>
      cache.fetch(cache.key({ field: 'Query.name' }), createPolicy('Query.name', { ttl: '60s' }), () => names.load(1), {
        report: ({ state }) => console.log(state),
      });
    await ask();
    await ask();
    await cache.invalidate(['reviews']);
    await ask();
    await cache.invalidate(['products']);
    await ask();
    await db.destroy();
  `;
}

function readmeText(): Promise<string> {
  return readFile(join(root, 'README.md'), 'utf8');
}
