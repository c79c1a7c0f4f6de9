import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** Proofs take minutes and look at the clock: one after another, and in CI a short form of two. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/prove/*.prove.ts'],
    maxWorkers: 1,
    testTimeout: 300_000,
    reporters: ['verbose'],
  },
});
