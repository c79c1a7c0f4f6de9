// The shop, with an SDK that is registered before it, as its documentation shows.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createClient } from '../server/client.ts';
import { startProgram } from '../server/start-program.ts';

interface ExportedSpan {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly traceId: string;
}

it('the shop traces what its cache does in each request', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cachepot-spans-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'spans');
  const sdk = join(import.meta.dirname, 'register-sdk.mjs');
  const program = await startProgram({
    command: [process.execPath, '--import', sdk, 'dist/src/main.js'],
    env: { SPANS: file, WARM_UP: 'off', CACHE_MEMORY_MB: '0' },
  });
  await program.isUp();
  const { ask } = createClient(program.url);
  const document = '{ topProducts(perCategory: 1) { name } }';
  for (const _ of [1, 2, 3, 4]) await ask(document);
  await ask('mutation { updateProduct(id: 1, input: { stock: 3 }) { __typename } }');
  await expect.poll(async () => (await requestsIn(file)).length).toBe(5);
  const [miss, ...hits] = await requestsIn(file);
  expect(miss).toEqual(['load Query.topProducts', 'fill Query.topProducts', 'read Query.topProducts miss']);
  // Of equal requests, the first one that is a hit is kept as a whole.
  expect(hits).toEqual([['read Query.topProducts hit'], ['revalidate hit'], ['revalidate hit'], ['invalidate']]);
});

/** What the cache did in each HTTP request that has ended, in the order in which it ended. */
async function requestsIn(file: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const spans = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ExportedSpan);
  const ofCache = spans.filter(({ name }) => name.startsWith('cachepot.'));
  return spans
    .filter(({ name }) => name === 'POST')
    .map((request) =>
      ofCache
        .filter(({ traceId }) => traceId === request.traceId)
        .map(({ name, attributes }) =>
          [name.slice('cachepot.'.length), attributes['cachepot.state'] ?? []].flat().join(' '),
        ),
    );
}
