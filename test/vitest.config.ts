import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  // Node loads graphql's CommonJS build and Vite its ES modules: there must be one copy, or its types differ from
  // Pothos'.
  resolve: { mainFields: ['main'], extensions: ['.js'] },
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
