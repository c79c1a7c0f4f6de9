import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** These tests take minutes and measure times, so they run one after another. CI runs two of them in a short form. */
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
