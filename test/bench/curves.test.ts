/** Measures the curves on few entries and rows for a moment; the results are not checked. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the curves of every section are measured and printed with valid numbers', async () => {
  const args = ['test/bench/curves.mjs', '--tiny', '--rounds', '1', '--seconds', '0.02'];
  const { stdout } = await run(process.execPath, args, { timeout: 600_000 });
  const curves = stdout.split('\n').filter((line) => /exponent|≥|≤/.test(line));
  expect(curves).not.toEqual([]);
  expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
  for (const section of ['entries', 'rows', 'fields', 'processes', 'engine', 'hashes'])
    expect(stdout).toContain(`\n${section}\n`);
}, 600_000);
