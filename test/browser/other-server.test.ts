// The console on a server that is not the shop: stock Yoga, with nothing but the plugin and the report.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import SchemaBuilder from '@pothos/core';
import { createYoga, type Plugin } from 'graphql-yoga';
import { expect, it, onTestFinished } from 'vitest';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';
import { consoleFolder, consolePage } from '../../src/console-page/index.ts';
import CachePlugin, { cacheReportOf } from '../../src/pothos-cache/index.ts';
import { writeOperation } from './editor-text.ts';
import { openConsole, useBrowser } from './open-console.ts';

const browser = useBrowser();

it('compares the database with the cache on stock Yoga', async () => {
  const server = await startYoga();
  const { page } = await openConsole(browser(), server.url);
  await writeOperation(page, '{ titles }');
  const panel = page.getByRole('region', { name: 'Cache panel' });
  const compare = panel.getByRole('button', { name: 'Compare', exact: true });
  await compare.click();
  // The first run fills the cache.
  await panel.getByRole('button', { name: /Run again/ }).click();
  await panel.getByText('faster').waitFor();
  await panel.getByText('Both responses are equal').waitFor();
  expect(server.loads()).toBe(3);
});

it('says what such a server does not report', async () => {
  const { url } = await startYoga();
  const { page } = await openConsole(browser(), url);
  await page.getByRole('tab', { name: 'Live' }).click();
  const panel = page.getByRole('region', { name: 'Cache panel' });
  await expect.poll(() => panel.innerText()).toContain('This server does not report the state of its cache');
});

async function startYoga(): Promise<{ readonly url: string; loads(): number }> {
  const cache = createCache({ store: createMemoryStore({ namespace: 'books' }) });
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
  let loads = 0;
  builder.queryType({
    fields: (t) => ({
      titles: t.stringList({
        cache: { ttl: '5m', scope: 'public', tags: ['books'] },
        resolve: async () => {
          loads += 1;
          // A slow query, so that the cache is faster on any machine.
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          return ['The Pothos Gardener'];
        },
      }),
    }),
  });
  const useCacheReport: Plugin = {
    onExecute: ({ args }) => ({
      onExecuteDone({ result, setResult }) {
        if (Symbol.asyncIterator in result) return;
        setResult({ ...result, extensions: { cache: cacheReportOf(args.contextValue) } });
      },
    }),
  };
  const schema = builder.toSchema({ cache: { engine: cache } });
  const yoga = createYoga({ schema, plugins: [useCacheReport], renderGraphiQL: () => consolePage, logging: false });
  const server = createServer((request, response) => {
    const file = /^\/console\/assets\/([\w.-]+)$/.exec(request.url ?? '')?.[1];
    if (file !== undefined) sendFile(response, file);
    else if (request.url === '/') response.writeHead(308, { location: '/graphql' }).end();
    else void yoga(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await cache.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return { url: `http://127.0.0.1:${address.port}`, loads: () => loads };
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

function sendFile(response: ServerResponse, file: string): void {
  const type = types[extname(file)] ?? 'application/octet-stream';
  void readFile(join(consoleFolder, 'assets', file)).then((bytes) =>
    response.writeHead(200, { 'content-type': type }).end(bytes),
  );
}
