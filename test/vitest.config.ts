import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const source = (folder: string): string => fileURLToPath(new URL(`../src/${folder}/index.ts`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  // Node loads graphql's CommonJS build and Vite its ES modules: there must be one copy, or its types differ from
  // Pothos'.
  resolve: {
    mainFields: ['main'],
    extensions: ['.js'],
    // As in test/tsconfig.json: `test/zoo` imports the package as its users do.
    alias: {
      'cachepot/cache': source('cache'),
      'cachepot/graphql': source('graphql-cache'),
      'cachepot/kysely': source('kysely-cache'),
      'cachepot/pothos': source('pothos-cache'),
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-with-servers.ts', 'test/support/random-seed.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // These limits only end a run that hangs. A test must not depend on them: a busy or slow machine takes its time.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    // Neither `it.only` nor an empty run may pass.
    allowOnly: false,
    passWithNoTests: false,
  },
});
