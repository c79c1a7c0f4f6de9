// Pothos' Prisma plugin on the installed package: Prisma is too large for the repository's own dependencies, so a project of its own has it.
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { installedVersion, newProject, run, type Project } from '../package/installed.ts';
import { packPackage } from '../package/packed.ts';
import { createEmptyDatabase } from '../support/databases.ts';

const dependencies = {
  '@pothos/plugin-prisma': '^4.17.0',
  '@prisma/adapter-pg': '^7.10.1',
  '@prisma/client': '^7.10.0',
  prisma: '^7.10.1',
};

const tables = `
  create table "User" (id serial primary key, name text not null);
  create table "Post" (id serial primary key, title text not null, price numeric not null, views bigint not null,
    at timestamp(3) not null, "authorId" int not null references "User");
  insert into "User" (name) values ('Ann'), ('Bob');
  insert into "Post" (title, price, views, at, "authorId") values
    ('A', 12.50, 9007199254740993, '2026-11-28 10:00', 1), ('B', 0.1, 1, '2026-11-28 11:00', 1)`;

interface Asked {
  readonly answer: string;
  readonly states: string;
  /** The number of SQL statements. */
  readonly queries: number;
}

interface Line {
  readonly tier: string;
  readonly order: string;
  readonly selection: boolean;
  readonly document: string;
  /** Without a cache. */
  readonly expected: Asked;
  readonly answers: readonly Asked[];
}

let project: Project;
let lines: readonly Line[];
beforeAll(async () => {
  const packed = await packPackage();
  const names = ['@pothos/core', 'graphql', 'dataloader', 'ioredis', 'pg', '@types/pg'];
  const versions = await Promise.all(names.map(async (name) => [name, await installedVersion(name)] as const));
  // The install scripts of Prisma download engines; its client for PostgreSQL needs none.
  process.env['npm_config_ignore_scripts'] = 'true';
  project = await newProject(packed, {
    type: 'module',
    dependencies: { ...Object.fromEntries(versions), ...dependencies },
  });
  for (const name of ['prisma.ts', 'schema.prisma'])
    await project.write(name, await readFile(join(import.meta.dirname, '../zoo/programs', name), 'utf8'));
  const { folder } = project;
  // Any program will do: only migrations run the schema engine, but without one Prisma downloads it.
  const withoutEngine = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' };
  const programs = join(folder, 'node_modules', '.bin');
  const env = { ...process.env, ...withoutEngine, PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}` };
  await run(join(programs, 'prisma'), ['generate', '--schema', 'schema.prisma'], { cwd: folder, env });
  await project.compile(['prisma.ts'], { module: 'nodenext', skipLibCheck: 'true' });
  lines = await output(folder);
});
afterAll(() => project.remove());

async function output(folder: string): Promise<readonly Line[]> {
  const database = await createEmptyDatabase();
  const pool = new Pool({ connectionString: database.url });
  await pool.query(tables);
  await pool.end();
  const env = { ...process.env, DATABASE_URL: database.url, REDIS_URL: inject('redisSocketPath') };
  const { stdout } = await run(process.execPath, ['prisma.js'], { cwd: folder, env });
  await database.drop();
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

it('each answer equals the one without a cache, before and after cache, in memory and Redis', () => {
  expect(lines.length).toBe(2 * 2 * 2 * 5);
  for (const { expected, answers, ...where } of lines) {
    const texts = answers.map(({ answer }) => answer);
    expect({ ...where, texts }).toEqual({ ...where, texts: Array(3).fill(expected.answer) });
    expect(expected.answer).not.toContain('errors');
  }
});

it('with `selection: true`, a field of the plugin is cached, with Decimal, BigInt and DateTime', () => {
  for (const { answers, document, ...where } of lines.filter(({ selection }) => selection)) {
    const states = answers.map((asked) => asked.states);
    const hasQueries = (answers[2]?.queries ?? -1) > 0;
    // The plugin loads relations for each request again.
    const expected = { states: ['miss', 'hit', 'hit'], hasQueries: document.includes('posts') };
    expect({ ...where, document, states, hasQueries }).toEqual({ ...where, document, ...expected });
  }
});

it('without it, the value is not stored, because the plugin reads the selection', () => {
  const ofPlugin = lines.filter(({ selection, document }) => !selection && !document.includes('dear'));
  expect(ofPlugin.length).toBe(2 * 2 * 4);
  const reason = 'miss: reads info.fieldNodes, which depends on the selection';
  for (const { answers } of ofPlugin) expect(answers.map(({ states }) => states)).toEqual(Array(3).fill(reason));
});
