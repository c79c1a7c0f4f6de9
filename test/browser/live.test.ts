import type { Locator } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../server/start-server.ts';
import { startTestRedis } from '../support/redis.ts';
import { writeOperation } from './editor-text.ts';
import { becomes, openShop, phone, run, untilUsable, useBrowser, type OpenedShop } from './open-console.ts';
import { rowsIn, showSection } from './panel-sections.ts';

const browser = useBrowser();

/** What happened, the newest first, without the times. */
function timeline(live: Locator): Promise<string[]> {
  return live.locator('.cache-panel-timeline li > span:last-child').allInnerTexts();
}

/** The present figures of the charts, by their names. */
function figuresIn(live: Locator): Promise<Record<string, string>> {
  return live
    .locator('.cache-panel-chart-head')
    .evaluateAll((items) =>
      Object.fromEntries(items.map((item) => [...item.children].map((child) => child.textContent ?? ''))),
    );
}

/** How many points a chart's line has. */
function pointsOf(live: Locator, name: string): Promise<number> {
  const line = live
    .getByRole('img', { name: `${name} over the last five minutes` })
    .locator('path')
    .last();
  return line.evaluate((path) => (path.getAttribute('d') ?? '').split(/[ML]/).filter(Boolean).length);
}

async function flush({ ask }: RunningServer): Promise<void> {
  await ask('mutation { flushCache { keysRemoved } }');
}

/** Ends all connections, and lets no request through until the returned function is called. */
async function disconnect({ page, server, problems }: OpenedShop): Promise<() => Promise<void>> {
  await page.route('**/graphql', (route) => route.abort());
  server.http.server.closeAllConnections();
  return async () => {
    await page.unroute('**/graphql');
    // The browser itself logs that a request failed.
    problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('net::ERR_')));
  };
}

it('is sent what happens: figures as in cacheStats, lines, and a list', async () => {
  const { page, server } = await openShop(browser());
  const live = await showSection(page, 'Live');
  await live.getByText('Live: the server sends changes as they happen.').waitFor();
  await live.getByText('Nothing in the last five minutes').waitFor();
  for (const field of ['categoryStats', 'categoryStats', 'topProducts']) await server.row(`{ ${field} { id } }`);
  await expect
    .poll(() => figuresIn(live))
    .toMatchObject({
      'Hit rate': '33.3 % since the server started',
      Keys: '2',
      'Redis and circuit breaker': 'available',
    });
  await expect.poll(() => pointsOf(live, 'Hit rate')).toBeGreaterThan(0);
  await expect.poll(() => pointsOf(live, 'Keys')).toBeGreaterThan(2);
  await server.cache.invalidate(['products']);
  await expect.poll(() => timeline(live)).toEqual(['Invalidation: products']);
  await flush(server);
  await expect.poll(() => timeline(live)).toEqual(['Flush: 2 keys removed', 'Invalidation: products']);
  await expect.poll(() => figuresIn(live)).toMatchObject({ Keys: '0' });
});

it('has one connection for the bar and the panel', async () => {
  const { context, server } = await openShop(browser());
  const asked: string[] = [];
  const page = await context.newPage();
  page.on('request', (request) => {
    const body = request.postData() ?? '';
    if (/cacheEvents|cacheSnapshot/.test(body)) asked.push(body);
  });
  await page.goto(server.url);
  await untilUsable(page);
  const live = await showSection(page, 'Live');
  await live.getByText('Live: the server sends changes').waitFor();
  await flush(server);
  await expect.poll(() => timeline(live)).toHaveLength(1);
  expect(asked).toEqual([expect.stringContaining('subscription CacheEvents')]);
});

it('lets users subscribe in the editor, too', async () => {
  const { page, server } = await openShop(browser());
  await writeOperation(page, 'subscription Watch { cacheEvents { keys } }');
  const button = page.getByRole('button', { name: /Execute query/ });
  await button.click();
  const response = page.locator('.result-window');
  await response.getByText('"keys": 0').waitFor();
  await server.row('{ categoryStats { id } }');
  await expect.poll(() => response.locator('.view-lines').innerText()).toMatch(/"keys":\s*1/);
  await page.getByRole('button', { name: /Stop query/ }).click();
  await button.waitFor();
});

it('shows when Redis became unavailable, and available again', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const { page } = await openShop(browser(), { overrides: { redis: redis.socketPath } });
  const live = await showSection(page, 'Live');
  await expect.poll(() => figuresIn(live)).toMatchObject({ Keys: '0' });
  redis.kill('SIGKILL');
  await expect.poll(() => figuresIn(live)).toMatchObject({ Keys: '–' });
  await expect.poll(() => timeline(live)).toEqual([expect.stringContaining('Redis unavailable')]);
  await live.locator('.cache-panel-strip [data-state="unavailable"]').first().waitFor();
  await redis.restart();
  await expect
    .poll(() => timeline(live))
    .toEqual([expect.stringContaining('Redis available again'), expect.stringContaining('Redis unavailable')]);
  await expect.poll(() => figuresIn(live)).toMatchObject({ Keys: '0', 'Redis and circuit breaker': 'available' });
});

it('shows when a value that the page has seen expired', async () => {
  const { page } = await openShop(browser(), { overrides: { ttlMs: 1_500 } });
  const [row] = rowsIn(await run(page, 'Compare')).filter(({ ttlMs }) => ttlMs !== null);
  const live = await showSection(page, 'Live');
  await expect.poll(() => timeline(live)).toEqual([`Expired: Query.categoryStats (${row?.key})`]);
});

describe('a lost connection', () => {
  it('is said instead of figures, and loses no event', async () => {
    const opened = await openShop(browser());
    const { page, server } = opened;
    const live = await showSection(page, 'Live');
    await flush(server);
    await expect.poll(() => timeline(live)).toHaveLength(1);
    const reconnect = await disconnect(opened);
    await live.getByText('Connection lost, retrying').waitFor();
    const bar = page.getByRole('region', { name: 'Cache statistics' });
    await bar.getByText('Connection lost, retrying').waitFor();
    expect(await bar.locator('dl').count()).toBe(0);
    expect(Object.values(await figuresIn(live)).filter((text) => /\d/.test(text))).toEqual([]);
    await server.cache.invalidate(['reviews']);
    await reconnect();
    await live.getByRole('button', { name: 'Retry now' }).click();
    await expect.poll(() => timeline(live)).toEqual(['Invalidation: reviews', 'Flush: 0 keys removed']);
    await bar.locator('dl').waitFor();
    // The line has a gap.
    await server.row('{ categoryStats { id } }');
    await expect.poll(() => figuresIn(live)).toMatchObject({ Keys: '1' });
    const parts = live.getByRole('img', { name: /^Keys/ }).locator('path').last();
    await expect.poll(async () => (await parts.getAttribute('d'))?.split('M').length).toBe(3);
  });

  it('is tried again without a click', async () => {
    const opened = await openShop(browser());
    const bar = opened.page.getByRole('region', { name: 'Cache statistics' });
    await bar.locator('dl').waitFor();
    const reconnect = await disconnect(opened);
    await bar.getByText('Connection lost, retrying').waitFor();
    await reconnect();
    await expect.poll(() => bar.locator('dl').count()).toBe(1);
    // As the browser logs the attempt that failed last.
    opened.problems.splice(0, opened.problems.length);
  });
});

it('says that a server which sends nothing any more is lost', async () => {
  const { page, server } = await openShop(browser());
  await page.clock.install();
  let hangs = true;
  await page.route('**/graphql', (route) =>
    hangs && /cacheEvents|cacheSnapshot/.test(route.request().postData() ?? '') ? undefined : route.continue(),
  );
  await page.reload();
  const live = await showSection(page, 'Live');
  const lost = live.getByText('The server has sent nothing for 10 s');
  // The subscription, and then the query.
  await expect.poll(() => page.clock.runFor(10_000).then(() => lost.count()), { interval: 200 }).toBe(1);
  hangs = false;
  await live.getByRole('button', { name: 'Retry now' }).click();
  await flush(server);
  await expect.poll(() => page.clock.runFor(1_000).then(() => timeline(live))).toEqual(['Flush: 0 keys removed']);
});

it('keeps a connection on which something arrives now and then', async () => {
  const { page, server } = await openShop(browser());
  await page.clock.install();
  await page.reload();
  const live = await showSection(page, 'Live');
  await live.getByText('Live: the server sends changes').waitFor();
  let connections = 0;
  page.on('request', (request) => (connections += Number(request.postData()?.includes('cacheEvents') === true)));
  for (let flushes = 1; flushes <= 4; flushes += 1) {
    await page.clock.runFor(5_000);
    await flush(server);
    await expect.poll(() => timeline(live)).toHaveLength(flushes);
  }
  expect(connections).toBe(0);
});

it('asks every two seconds if subscriptions are refused', async () => {
  const { page, server, problems } = await openShop(browser(), { overrides: { redis: null } });
  await page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes('cacheEvents') !== true) return route.continue();
    return route.fulfill({ status: 405, body: 'no subscriptions here' });
  });
  await page.reload();
  const live = await showSection(page, 'Live');
  await live.getByText('polled every two seconds').waitFor();
  await flush(server);
  await expect.poll(() => timeline(live)).toEqual(['Flush: 0 keys removed']);
  // The browser itself logs the response with status 405.
  problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('status of 405')));
});

it('asks nothing while the page is hidden, and loses no event', async () => {
  const { page, server } = await openShop(browser());
  const asked: string[] = [];
  page.on('request', (request) => {
    const body = request.postData() ?? '';
    if (/cacheEvents|cacheSnapshot/.test(body)) asked.push(body);
  });
  const live = await showSection(page, 'Live');
  await live.getByText('Live:').waitFor();
  await flush(server);
  await expect.poll(() => timeline(live)).toHaveLength(1);
  await becomes(page, 'hidden');
  await live.getByText('Paused').waitFor();
  const askedBefore = asked.length;
  await server.cache.invalidate(['products']);
  expect(asked).toHaveLength(askedBefore);
  await becomes(page, 'visible');
  await expect.poll(() => timeline(live)).toEqual(['Invalidation: products', 'Flush: 0 keys removed']);
});

it('keeps the last five minutes while another plugin is shown', async () => {
  const { page, server } = await openShop(browser());
  await flush(server);
  const live = await showSection(page, 'Live');
  await expect.poll(() => timeline(live)).toHaveLength(1);
  await page.getByRole('button', { name: 'Show History' }).click();
  await page.getByRole('button', { name: 'Show Cache panel' }).click();
  expect(await timeline(await showSection(page, 'Live'))).toHaveLength(1);
});

it('fits a phone', async () => {
  const { page, server } = await openShop(browser(), { options: phone });
  await flush(server);
  const live = await showSection(page, 'Live');
  await expect.poll(() => timeline(live)).toHaveLength(1);
  const content = page.locator('.cache-panel-content');
  expect(await content.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
});
