/** `npm run schema`: prints the schema into `schema/schema.graphql`, which is committed; a test fails when it is old. */
import { writeFile } from 'node:fs/promises';
import { printSchema } from 'graphql';
import { createCache, createMemoryStore } from '../src/cache/index.ts';
import { createSchema } from './index.ts';

const cache = createCache({ store: createMemoryStore({ namespace: 'print' }) });
await writeFile(
  'schema/schema.graphql',
  `${printSchema(createSchema({ cache, ttlMs: 60_000, hasDirective: true }))}\n`,
);
