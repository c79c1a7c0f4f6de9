// What Prometheus' own linter says about the real output.
import { expect, it } from 'vitest';
import { runTool } from '../../support/run-tool.ts';
import { startBusyShop } from './busy-shop.ts';

it('promtool finds nothing wrong with /metrics of a shop with all of its parts, after requests of every kind', async () => {
  const shop = await startBusyShop();
  const text = await shop.metrics();
  expect(await runTool('promtool', ['check', 'metrics'], text)).toEqual({ code: 0, output: '' });
  // Otherwise it would have had little to look at.
  const answers = [...text.matchAll(/^http_request_duration_seconds_count\{answer="(\w+)"/gm)].map(([, name]) => name);
  expect(new Set(answers)).toEqual(new Set(['cached_response', 'fast_path', 'graphql', 'console', 'error', 'other']));
  const samples = text.split('\n').filter((line) => line.startsWith('cachepot_'));
  expect(samples.length).toBeGreaterThan(100);
});

it('promtool would find a counter whose name does not end in _total', async () => {
  const text = '# HELP cachepot_hits Hits.\n# TYPE cachepot_hits counter\ncachepot_hits 1\n';
  expect(await runTool('promtool', ['check', 'metrics'], text)).toMatchObject({
    code: 3,
    output: expect.stringContaining('"_total" suffix') as string,
  });
});
