/** The documentation: its code compiles and runs against the installed package, and its links have targets. */
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { installedVersion, newProject, repository, run, type Project } from '../package/installed.ts';
import { packPackage } from '../package/packed.ts';
import { startTestRedis } from '../support/redis.ts';
import { anchorsOf, codeBlocksOf, linksOf, readPages, type Page } from './pages.ts';
import { startProgram, type Ask } from './start-program.ts';

const pages = await readPages();
const blocks = pages.flatMap(codeBlocksOf);
const programs = blocks.filter(({ program }) => program !== undefined);
const fragments = blocks
  .filter(({ program }) => program === undefined)
  .map((block, index) => ({ ...block, name: `fragment-${index}-${block.page.replaceAll(/\W/g, '-')}` }));

const peers = [
  '@opentelemetry/api',
  '@opentelemetry/sdk-trace-node',
  'graphql',
  '@pothos/core',
  'ioredis',
  'kysely',
  'pg',
  '@types/pg',
  'pg-logical-replication',
  'dataloader',
  'graphql-yoga',
  '@graphql-yoga/plugin-response-cache',
  'decimal.js',
];
const others = {
  '@apollo/server': '^5.5.1',
  fastify: '^5.12.8',
  mercurius: '^16.10.1',
  'graphql-http': '^1.22.4',
  knex: '^3.3.0',
  sirv: '^3.0.2',
  nexus: '^1.3.0',
  '@graphql-tools/schema': '^10.1.5',
  '@graphql-tools/utils': '^11.2.2',
  'type-graphql': '2.0.0-rc.4',
  'graphql-scalars': '^1.25.0',
  'reflect-metadata': '^0.2.2',
};

let project: Project;
beforeAll(async () => {
  const packed = await packPackage();
  const versions = await Promise.all(peers.map(async (name) => [name, await installedVersion(name)] as const));
  project = await newProject(packed, {
    type: 'module',
    dependencies: { ...Object.fromEntries(versions), ...others },
  });
  for (const { program, code } of programs) await project.write(`${program}.ts`, code);
  for (const { name, code } of fragments) await project.write(`${name}.ts`, `${code}\nexport {};\n`);
  const prelude = await readFile(join(import.meta.dirname, 'prelude.ts'), 'utf8');
  await project.write('prelude.ts', prelude);
  await project.write('books-server.ts', booksServer);
  await project.write('tables-report.ts', tablesReport);
  await project.write('schema-states.ts', schemaStates);
  await project.write('authorized-schema.ts', authorizedSchema);
});
afterAll(() => project.remove());

it('compiles under strict settings', async () => {
  const names = [...programs.map(({ program }) => program), ...fragments.map(({ name }) => name)];
  const ours = ['prelude', 'books-server', 'tables-report', 'schema-states', 'authorized-schema'];
  const files = [...names, ...ours].map((name) => `${name}.ts`);
  // The declarations of some of the servers need skipLibCheck; TypeGraphQL needs the decorators.
  const decorators = { experimentalDecorators: 'true', emitDecoratorMetadata: 'true' };
  const options = { module: 'nodenext', skipLibCheck: 'true', ...decorators };
  await expect(project.compile(files, options)).resolves.toBeDefined();
});

it('runs each fragment', async () => {
  const env = { ...process.env, REDIS_URL: inject('redisSocketPath'), DATABASE_URL: inject('databaseUrl') };
  const paths = fragments.map(({ name }) => `./${name}.js`);
  const { stdout } = await run(process.execPath, ['prelude.js', ...paths], { cwd: project.folder, env });
  expect(stdout.split('\n').filter((line) => line.startsWith('./fragment-'))).toEqual(paths);
});

describe("the README's example", () => {
  const start = (redisUrl: string): Promise<Ask> =>
    startProgram(project.folder, 'books-server.js', { REDIS_URL: redisUrl });

  it.each([
    ['Redis', 'redis', () => inject('redisSocketPath')],
    ['memory', 'memory', () => ''],
  ])('caches in %s, and returns what a mutation changed', async (_name, tier, redisUrl) => {
    const ask = await start(redisUrl());
    await ask('mutation { addBook(title: "Before") }');
    expect(await ask('{ books }')).toMatchObject({ extensions: { cache: { fields: [{ state: 'miss' }] } } });
    expect(await ask('{ books }')).toMatchObject({ extensions: { cache: { fields: [{ state: 'hit', tier }] } } });
    await ask('mutation { addBook(title: "After") }');
    expect(await ask('{ books }')).toMatchObject({
      data: { books: ['The Pothos Gardener', 'Before', 'After'] },
      extensions: { cache: { fields: [{ state: 'miss' }] } },
    });
  });

  it('responds to a mutation and returns what it changed, although Redis is unavailable', async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const ask = await start(redis.socketPath);
    redis.kill('SIGKILL');
    expect(await ask('mutation { addBook(title: "After all") }')).toMatchObject({ data: { addBook: true } });
    expect(await ask('{ books(search: "After all") }')).toMatchObject({ data: { books: ['After all'] } });
  });
});

it.each(['yoga', 'apollo', 'mercurius', 'graphql-http', 'plain', 'console'])(
  'the server %s returns the cached value and the report',
  async (name) => {
    const ask = await startProgram(project.folder, `${name}.js`, {});
    const data = { titles: ['The Pothos Gardener'] };
    for (const state of ['miss', 'hit']) {
      const fields = [{ field: 'Query.titles', state }];
      expect(await ask('{ titles }')).toMatchObject({ data, extensions: { cache: { fields } } });
    }
  },
);

describe('the schema of', () => {
  const linesOf = async (program: string, operations: readonly string[]): Promise<readonly unknown[]> => {
    const { stdout } = await run(process.execPath, ['schema-states.js', program, ...operations], {
      cwd: project.folder,
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  };
  const titles = '{ titles }';

  it.each(['plain-schema', 'nexus-schema', 'type-graphql-schema', 'directive-schema'])(
    '%s is cached until its tag is invalidated',
    async (program) => {
      const data = { titles: ['The Pothos Gardener'] };
      expect(await linesOf(program, [titles, titles, 'invalidate books', titles])).toEqual(
        ['miss', 'hit', 'miss'].map((states) => ({ data, states })),
      );
    },
  );

  it('executable-schema caches public, private and nested fields', async () => {
    const text = '{ books { title rating } cart }';
    const add = 'mutation { addBook(title: "Ivy") }';
    expect(
      await linesOf('executable-schema', [
        text,
        'as 1',
        text,
        text,
        add,
        text,
        '{ books @cache(mode: BYPASS) { id } }',
      ]),
    ).toEqual([
      { data: { books: [{ title: 'The Pothos Gardener', rating: 4.5 }], cart: [] }, states: 'miss bypass miss' },
      { data: { books: [{ title: 'The Pothos Gardener', rating: 4.5 }], cart: ['1'] }, states: 'hit miss hit' },
      { data: { books: [{ title: 'The Pothos Gardener', rating: 4.5 }], cart: ['1'] }, states: 'hit hit hit' },
      { data: { addBook: true }, states: '' },
      {
        data: {
          books: [
            { title: 'The Pothos Gardener', rating: 4.5 },
            { title: 'Ivy', rating: 3 },
          ],
          cart: ['1'],
        },
        states: 'miss hit miss miss',
      },
      { data: { books: [{ id: '1' }, { id: '2' }] }, states: 'bypass' },
    ]);
  });

  it('TypeGraphQL does not store what @Authorized has checked under a public scope, and keeps private values apart', async () => {
    const mine = '{ mine { id owner } }';
    const texts = ['{ report }', mine, '{ report }', mine];
    const lines = await linesOf('authorized-schema', [
      'as 1',
      ...texts,
      'as 2',
      ...texts.slice(2),
      'as',
      ...texts.slice(2),
    ]);
    expect(lines).toEqual([
      { data: { report: 'secret 1' }, states: 'miss' },
      { data: { mine: [{ id: 7, owner: 'user 1' }] }, states: 'miss miss' },
      { data: { report: 'secret 2' }, states: 'miss' },
      { data: { mine: [{ id: 7, owner: 'user 1' }] }, states: 'hit hit' },
      { data: { report: 'secret 3' }, states: 'miss' },
      { data: { mine: [{ id: 7, owner: 'user 2' }] }, states: 'miss miss' },
      { data: null, states: '', errors: [expect.stringContaining('Access denied')] },
      { data: null, states: '', errors: [expect.stringContaining('Access denied')] },
    ]);
  });
});

it('the code for Kysely tags a value with the tables of its SQL', async () => {
  const env = { ...process.env, DATABASE_URL: inject('databaseUrl') };
  const { stdout } = await run(process.execPath, ['tables-report.js'], { cwd: project.folder, env });
  expect(stdout.trim().split('\n')).toEqual(['miss', 'hit', 'hit', 'miss']);
});

it('the example of tracing prints the spans of its request', async () => {
  const { stdout } = await run(process.execPath, ['--import', './register-sdk.js', 'traced.js'], {
    cwd: project.folder,
  });
  const names = [...stdout.matchAll(/^ {2}name: '(.*)',$/gm)].map(([, name = '']) => name);
  expect(names.toSorted()).toEqual([
    'GET /prices',
    'SELECT rates',
    'cachepot.fill exchangeRate',
    'cachepot.load exchangeRate',
    'cachepot.read exchangeRate',
    'cachepot.read exchangeRate',
  ]);
  expect(stdout).toMatch(/'cachepot.state': 'miss'/);
  expect(stdout).toMatch(/'cachepot.state': 'hit'/);
});

describe('links', () => {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const faultOf = (page: Page, link: string): string | undefined => {
    const [file = '', anchor] = link.split('#');
    const path = file === '' ? page.path : normalize(join(dirname(page.path), file));
    if (!existsSync(join(repository, path))) return `${link}: no such file`;
    const target = byPath.get(path);
    if (anchor === undefined) return undefined;
    return target !== undefined && anchorsOf(target).includes(anchor) ? undefined : `${link}: no such heading`;
  };

  it.each(pages.map((page) => [page.path, page] as const))('of %s lead to files and headings that exist', (_, page) => {
    expect(linksOf(page).flatMap((link) => faultOf(page, link) ?? [])).toEqual([]);
  });

  it('lead to every page', () => {
    const targets = pages.flatMap((page) =>
      linksOf(page).map((link) => normalize(join(dirname(page.path), link.replace(/#.*/, '')))),
    );
    const hosts = ['README.md', 'CODE_OF_CONDUCT.md'];
    expect(pages.map(({ path }) => path).filter((path) => !hosts.includes(path) && !targets.includes(path))).toEqual(
      [],
    );
  });
});

it('the README has at most 200 lines', () => {
  const readme = pages.find(({ path }) => path === 'README.md');
  expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

it('the API reference can be generated without a warning', async () => {
  const typedoc = join(repository, 'node_modules', '.bin', 'typedoc');
  await expect(
    run(typedoc, ['--options', 'docs/typedoc.json', '--emit', 'none'], { cwd: repository }),
  ).resolves.toBeDefined();
});

const booksServer = `
import { createServer } from 'node:http';
import { cacheReportOf } from 'cachepot/pothos';
import { createYoga, type Plugin } from 'graphql-yoga';
import { schema } from './books.js';
const useCacheReport = (): Plugin => ({
  onExecute: ({ args }) => ({
    onExecuteDone({ result, setResult }) {
      if (Symbol.asyncIterator in result) return;
      setResult({ ...result, extensions: { cache: cacheReportOf(args.contextValue as object) } });
    },
  }),
});
createServer(createYoga({ schema, plugins: [useCacheReport()] })).listen(Number(process.env['PORT']));
`;

const tablesReport = `
import { createPolicy } from 'cachepot/cache';
import DataLoader from 'dataloader';
import { cache, db } from './tables.js';
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

/** Executes operations on the schema of a program: its arguments. `as 1`: as this user; `invalidate books`: the tag. */
const schemaStates = `
import { cacheReportOf } from 'cachepot/graphql';
import type { Cache } from 'cachepot/cache';
import { graphql, type GraphQLSchema } from 'graphql';
const [program, ...operations] = process.argv.slice(2);
const { schema, cache } = (await import('./' + program + '.js')) as { schema: GraphQLSchema; cache: Cache };
let user: { id: number } | undefined;
for (const operation of operations) {
  const [word, argument] = operation.split(' ');
  if (word === 'as') user = argument === undefined ? undefined : { id: Number(argument) };
  else if (word === 'invalidate') await cache.invalidate([argument ?? '']);
  else {
    const contextValue = { user };
    const { data, errors } = await graphql({ schema, source: operation, contextValue });
    const states = (cacheReportOf(contextValue)?.fields ?? []).map(({ state }) => state).join(' ');
    console.log(JSON.stringify({ data, states, errors: errors?.map(({ message }) => message) }));
  }
}
`;

const authorizedSchema = `
import 'reflect-metadata';
import { Authorized, buildSchema, Ctx, Field, FieldResolver, Int, ObjectType, Query, Resolver, Root } from 'type-graphql';
import { Cached, cacheFieldsOf } from './type-graphql-schema.js';
export { cache } from './type-graphql-schema.js';

interface Context { user?: { id: number } }

@ObjectType()
class Order {
  @Field(() => Int)
  id!: number;
}

let reports = 0;

@Resolver(() => Order)
class OrderResolver {
  @Authorized()
  @Query(() => String)
  @Cached({ ttl: '5m', scope: 'public' })
  report(): string {
    return 'secret ' + (reports += 1);
  }

  @Authorized()
  @Query(() => [Order])
  @Cached({ ttl: '5m', scope: 'private' })
  mine(@Ctx() _context: Context): Order[] {
    return [{ id: 7 }];
  }

  @FieldResolver(() => String)
  @Cached({ ttl: '5m', scope: 'private', parentId: ({ id }) => id })
  owner(@Root() _order: Order, @Ctx() { user }: Context): string {
    return 'user ' + user?.id;
  }
}

export const schema = cacheFieldsOf(
  await buildSchema({
    resolvers: [OrderResolver],
    authChecker: ({ context }: { context: Context }) => context.user !== undefined,
  }),
  ({ user }) => user?.id,
);
`;
