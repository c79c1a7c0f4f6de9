/** Runs the benchmark with the servers that do not need the packages that `npm run bench` installs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the benchmark verifies that its servers give equal answers, and that hits do not read the database', async () => {
  const servers = ['cachepot (Redis + report)', 'cache-aside', 'without a cache'];
  const args = ['test/bench/bench.mjs', '--check', '--servers', servers.join(',')];
  const { stdout } = await run(process.execPath, args, { timeout: 600_000 });
  expect(stdout).toContain('4 servers give equal answers to 209 requests');
}, 600_000);
