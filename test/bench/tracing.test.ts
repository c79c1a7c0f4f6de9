/** Measures the cost of the tracer for a moment; the results are not checked. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the cost of the tracer is measured for each variant, and printed with valid numbers', async () => {
  const args = ['test/bench/tracing.mjs', '--rounds', '1', '--seconds', '0.02'];
  const { stdout } = await run(process.execPath, args, { timeout: 600_000 });
  const rows = stdout.split('\n').filter((line) => /^\| (hit|miss)/.test(line));
  expect(rows).toHaveLength(6);
  for (const row of rows) expect(row).toMatch(/( \| \d+\.\d\d){3} \(\d+\.\d\d–\d+\.\d\d\) \|$/);
}, 600_000);
