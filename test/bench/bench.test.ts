/** That the benchmark runs, without what `npm run bench` installs: with the servers that need none of it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the benchmark finds that its servers answer alike, and that who caches leaves the database alone', async () => {
  const servers = ['cachepot (Redis + report)', 'cache-aside', 'without a cache'];
  const args = ['test/bench/bench.mjs', '--check', '--servers', servers.join(',')];
  const { stdout } = await run(process.execPath, args, { timeout: 600_000 });
  expect(stdout).toContain('4 servers give equal answers to 209 requests');
}, 600_000);
