// What a visit to the page costs on the wire, counted by a proxy between the browser and the server.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { BrowserContext } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../server/start-server.ts';
import { completeName } from './editor-text.ts';
import { untilUsable, useBrowser } from './open-console.ts';

const browser = useBrowser();

it('loads at most 1.2 MB until the editor completes names, and 30 kB at the second visit', async () => {
  const server = await startServer();
  const wire = await startCountingProxy(server.url);
  const context = await browser().newContext();
  onTestFinished(() => context.close());
  expect(await visit(context, wire)).toBeLessThan(1_200_000);
  expect(await visit(context, wire)).toBeLessThan(30_000);
});

it('stays in the browser after an operation was sent to the address of the page', async () => {
  const server = await startServer();
  const wire = await startCountingProxy(server.url);
  const context = await browser().newContext();
  onTestFinished(() => context.close());
  await visit(context, wire, { isRun: true });
  expect(await visit(context, wire)).toBeLessThan(30_000);
});

/** Opens the page, has the editor complete a name, and returns the bytes that the server has sent for all that. */
async function visit(context: BrowserContext, wire: Wire, { isRun = false } = {}): Promise<number> {
  const before = wire.bytes();
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  await page.goto(`${wire.url}/graphql`);
  await untilUsable(page);
  await completeName(page);
  if (isRun) {
    const [response] = await Promise.all([
      page.waitForResponse((one) => one.request().method() === 'POST'),
      page.getByRole('button', { name: /Execute query/ }).click(),
    ]);
    await response.finished();
  }
  await page.close();
  return wire.bytes() - before;
}

interface Wire {
  readonly url: string;
  /** Everything that the server has sent, with headers. */
  bytes(): number;
}

async function startCountingProxy(target: string): Promise<Wire> {
  const { port, hostname } = new URL(target);
  let bytes = 0;
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    upstream.on('data', (chunk) => (bytes += chunk.length));
    client.on('error', () => upstream.destroy()).pipe(upstream);
    upstream.on('error', () => client.destroy()).pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, bytes: () => bytes };
}
