/** `npm run schema`: writes the schema to `schema/schema.graphql`, which is committed; a test fails when it is outdated. */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { printSchema } from 'graphql';
import { createCache, createMemoryStore } from '../src/cache/index.ts';
import { createSchema } from './index.ts';

await new Command('npm run schema --')
  .description('Prints the GraphQL schema into schema/schema.graphql.')
  .action(async () => {
    const cache = createCache({ store: createMemoryStore({ namespace: 'print' }) });
    const schema = createSchema({ cache, ttlMs: 60_000, hasConsole: true });
    await writeFile('schema/schema.graphql', `${printSchema(schema)}\n`);
  })
  .parseAsync();
