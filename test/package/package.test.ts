/** The package as users get it: built, installed in empty projects, compiled and run there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { installedVersion, newProject, run, type Project } from './installed.ts';
import { packPackage } from './packed.ts';

let packed: string;
beforeAll(async () => void (packed = await packPackage()));

const moduleSettings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  node16: { module: 'node16' },
  nodenext: { module: 'nodenext' },
  bundler: { module: 'preserve', moduleResolution: 'bundler', noEmit: 'true' },
};

it('contains the engine, the part for GraphQL.js, the plugin, the Kysely integration, the tracer, the console and the documentation, and nothing else', async () => {
  const { stdout } = await run('tar', ['-tzf', packed]);
  const paths = stdout
    .trim()
    .split('\n')
    .map((path) => path.split('/').slice(1));
  const folders = new Set(paths.map(([top = '', next = '']) => (/^(esm|cjs)$/.test(top) ? `${top}/${next}` : top)));
  const code = [
    'async-context',
    'cache',
    'console-page',
    'graphql-cache',
    'kysely-cache',
    'opentelemetry',
    'pothos-cache',
  ];
  expect([...folders].toSorted()).toEqual(
    [
      ...code.flatMap((name) => [`esm/${name}`, `cjs/${name}`]),
      ...['cjs/package.json', 'package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'console', 'docs'],
    ].toSorted(),
  );
});

interface Combination {
  readonly type: 'module' | 'commonjs';
  readonly node: string;
  readonly peers: () => Promise<Record<string, string>>;
  readonly copiesOfPothos: number;
}

/** The versions that the shop runs with. */
const shopPeers = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      ['@opentelemetry/api', '@pothos/core', 'dataloader', 'graphql', 'ioredis', 'kysely', 'pg'].map(
        async (name) => [name, await installedVersion(name)] as const,
      ),
    ),
  );

const combinations: readonly (readonly [string, Combination])[] = [
  [
    'an ES module, with the versions of the shop',
    { type: 'module', node: process.execPath, peers: shopPeers, copiesOfPothos: 0 },
  ],
  [
    'CommonJS, with ioredis 5',
    {
      type: 'commonjs',
      node: process.execPath,
      peers: async () => ({ ...(await shopPeers()), ioredis: '^5.11.1' }),
      copiesOfPothos: 1,
    },
  ],
  [
    'an ES module on Node 24, with GraphQL.js 17 and Kysely 0.29',
    {
      type: 'module',
      node: '24',
      peers: async () => ({ ...(await shopPeers()), graphql: '^17.1.0', kysely: '^0.29.9', node: '24' }),
      copiesOfPothos: 0,
    },
  ],
  [
    'CommonJS on Node 24, with GraphQL.js 17',
    {
      type: 'commonjs',
      node: '24',
      peers: async () => ({ ...(await shopPeers()), graphql: '^17.1.0', node: '24' }),
      copiesOfPothos: 1,
    },
  ],
];

describe.each(combinations)('%s', (_, { type, node, peers, copiesOfPothos }) => {
  let project: Project;
  beforeAll(async () => {
    const types = { '@types/pg': await installedVersion('@types/pg') };
    project = await newProject(packed, { type, dependencies: { ...(await peers()), ...types } });
    const program = join(import.meta.dirname, 'programs', 'all-entries.ts');
    await project.write('program.ts', await readFile(program, 'utf8'));
  });
  afterAll(() => project.remove());

  // The compiler does not depend on the version of Node. The last setting writes the program that runs.
  const settings = node === '24' ? ['nodenext'] : ['node16', 'bundler', 'nodenext'];
  it.each(settings)('compiles with all declarations checked (%s)', async (setting) => {
    await expect(project.compile(['program.ts'], moduleSettings[setting] ?? {})).resolves.toBeDefined();
  });

  it('caches in Redis until the table is invalidated', async () => {
    const path = node === '24' ? join(project.folder, 'node_modules', '.bin', 'node') : node;
    const env = {
      ...process.env,
      DATABASE_URL: inject('databaseUrl'),
      REDIS_URL: inject('redisSocketPath'),
      NAMESPACE: `package-${process.pid}-${Date.now()}`,
    };
    const { stdout } = await run(path, ['program.js'], { cwd: project.folder, env });
    const plain = ['miss', 'hit', 1, 'miss'];
    expect(JSON.parse(stdout)).toEqual({ states: ['miss', 'hit', 'hit', 'miss'], plain, copiesOfPothos });
  });
});

describe('without the optional peers', () => {
  it('installs only the engine’s own libraries and GraphQL.js, compiles, and names the library that a Redis store needs', async () => {
    const project = await newProject(packed, { type: 'module' });
    onTestFinished(() => project.remove());
    await project.write(
      'program.ts',
      `import { createCache, createMemoryStore, createPolicy, createRedisStore } from 'cachepot/cache';
       import { cacheReportOf, cacheResolver } from 'cachepot/graphql';
       import { graphql, GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
       const cache = createCache({ store: createMemoryStore({ namespace: 'alone' }) });
       const policy = createPolicy('answer', { ttl: '1m' });
       const value = await cache.fetch(cache.key({ field: 'answer' }), policy, async () => 42);
       const fault = await createRedisStore({ address: 'redis://localhost', namespace: 'alone' }).catch((error) => error);
       const resolve = cacheResolver({ engine: cache, ttl: '1m', scope: 'public' }, () => 7);
       const schema = new GraphQLSchema({
         query: new GraphQLObjectType({ name: 'Query', fields: { seven: { type: GraphQLInt, resolve } } }),
       });
       const states = [];
       for (const contextValue of [{}, {}]) {
         await graphql({ schema, source: '{ seven }', contextValue });
         states.push(cacheReportOf(contextValue)?.fields[0]?.state);
       }
       console.log(JSON.stringify([value, fault.code, fault.message, ...states]));`,
    );
    for (const options of Object.values(moduleSettings)) {
      await expect(project.compile(['program.ts'], options)).resolves.toBeDefined();
    }
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: project.folder });
    expect(JSON.parse(stdout)).toEqual([
      42,
      'LIBRARY_MISSING',
      expect.stringContaining('npm install ioredis'),
      'miss',
      'hit',
    ]);
    const { packages } = JSON.parse(await readFile(join(project.folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, unknown>;
    };
    const installed = Object.keys(packages).map((path) => path.replace('node_modules/', ''));
    expect(
      installed.filter((name) =>
        /^(@opentelemetry.*|@pothos\/core|ioredis|kysely|dataloader|pg|pino|zod|graphql-yoga)$/.test(name),
      ),
    ).toEqual([]);
  });
});
