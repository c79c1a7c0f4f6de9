// The section Load test, against the reports of the responses, and against `cacheStats`.
import type { Locator, Page, Request } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { formatPercent } from '../../src/console/cache-panel/words/format.ts';
import type { RunningServer } from '../server/start-server.ts';
import { openShop, phone, showTab, useBrowser } from './open-console.ts';

const browser = useBrowser();

const panel = (page: Page): Locator => page.getByRole('tabpanel');
const start = (page: Page): Locator => panel(page).getByRole('button', { name: 'Start' });
const status = (page: Page): Locator => panel(page).getByRole('status').first();
const result = (page: Page): Locator => page.getByRole('region', { name: 'Load test' });
const bars = (page: Page, side: 'database' | 'cache'): Locator => result(page).locator(`svg rect.bar.${side}`);
const note = /at most six connections/;

async function openLoadTest(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Load test' }).click();
}

async function enter(page: Page, { rounds, concurrency }: { rounds?: number; concurrency?: number }): Promise<void> {
  if (rounds !== undefined) await page.getByRole('spinbutton', { name: 'Rounds' }).fill(String(rounds));
  if (concurrency !== undefined)
    await page.getByRole('spinbutton', { name: 'Simultaneous requests' }).fill(String(concurrency));
}

/** The cells of a row of the table, from left to right. */
async function figures(page: Page, name: string): Promise<string[]> {
  return await result(page)
    .getByRole('row', { name: new RegExp(`^${name} `) })
    .getByRole('cell')
    .allInnerTexts();
}

async function counts(server: RunningServer): Promise<{ hits: number; misses: number }> {
  const { data } = await server.ask<{ cacheStats: { hits: number; misses: number } }>('{ cacheStats { hits misses } }');
  return data.cacheStats;
}

function isOf(request: Request, operation: string): boolean {
  return request.postData()?.includes(`query ${operation}`) === true;
}

describe('Load test', () => {
  it('draws a pair of bars for each of ten rounds, and its hit rate is that of cacheStats', async () => {
    const { page, server } = await openShop(browser());
    await showTab(page, 'TopProducts');
    await openLoadTest(page);
    const sent: boolean[] = [];
    page.on('request', (request) => {
      if (isOf(request, 'TopProducts')) sent.push(request.postData()?.includes('BYPASS') === true);
    });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 10 rounds.');
    expect(sent).toEqual(Array.from({ length: 20 }, (_, index) => index % 2 === 0));
    expect([await bars(page, 'database').count(), await bars(page, 'cache').count()]).toEqual([10, 10]);
    const { hits, misses } = await counts(server);
    expect({ hits, misses }).toEqual({ hits: 9, misses: 1 });
    expect(await figures(page, 'Hit rate')).toEqual(['–', formatPercent((100 * hits) / (hits + misses))]);
    expect(await figures(page, 'Requests')).toEqual(['10', '10']);
    expect(await figures(page, 'Errors')).toEqual(['0', '0']);
    expect(await result(page).innerText()).toContain('1 of 10 cached fields were misses');
  });

  it('counts simultaneous requests on a cold key as cacheStats does', async () => {
    const { page, server } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await showTab(page, 'TopProducts');
    await openLoadTest(page);
    await enter(page, { rounds: 2, concurrency: 4 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 2 rounds.');
    const { hits, misses } = await counts(server);
    expect(hits + misses).toBe(8);
    expect(misses).toBeGreaterThanOrEqual(1);
    expect(await figures(page, 'Hit rate')).toEqual(['–', formatPercent((100 * hits) / (hits + misses))]);
    expect(await figures(page, 'Requests')).toEqual(['8', '8']);
    expect(await bars(page, 'cache').count()).toBe(2);
  });

  it('shows percentiles in order, and the database with its simulated latency or without it', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await showTab(page, 'TopProducts');
    await openLoadTest(page);
    await enter(page, { rounds: 3 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 3 rounds.');
    const p50 = async (): Promise<number> => milliseconds((await figures(page, 'p50'))[0]);
    const [before, p95, p99] = [await p50(), ...(await Promise.all(['p95', 'p99'].map((row) => figures(page, row))))];
    expect(before).toBeGreaterThan(350);
    expect(milliseconds(p95?.[0])).toBeGreaterThanOrEqual(before);
    expect(milliseconds(p99?.[0])).toBeGreaterThanOrEqual(milliseconds(p95?.[0]));
    expect(await result(page).innerText()).toContain('include 350 ms of simulated latency');
    await result(page).getByRole('switch', { name: 'Without simulated latency' }).check();
    expect(await result(page).innerText()).toContain('Shown without 350 ms of simulated latency');
    // A time of more than a second is shown in hundredths of it.
    expect(Math.abs(before - 350 - (await p50()))).toBeLessThanOrEqual(before >= 1_000 ? 6 : 0.6);
    // The same switch as in Compare.
    await page.getByRole('tab', { name: 'Compare', exact: true }).last().click();
    await page.locator('.cache-panel-primary').click();
    expect(await page.getByRole('switch', { name: 'Without simulated latency' }).isChecked()).toBe(true);
  });

  it('stops, and keeps the rounds that are complete', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await openLoadTest(page);
    await enter(page, { rounds: 500 });
    await start(page).click();
    await expect.poll(() => bars(page, 'cache').count()).toBeGreaterThan(0);
    const progress = panel(page).getByRole('progressbar');
    expect(await progress.getAttribute('max')).toBe('500');
    await panel(page).getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => status(page).innerText()).toMatch(/^Stopped after \d+ of 500 rounds\.$/);
    const sent: Request[] = [];
    page.on('request', (request) => {
      if (isOf(request, 'Compare')) sent.push(request);
    });
    const rounds = Number(/\d+/.exec(await status(page).innerText())?.[0]);
    expect(await figures(page, 'Requests')).toEqual([String(rounds), String(rounds)]);
    expect(await progress.count()).toBe(0);
    // A new test starts afterwards; the old one sends nothing any more.
    await enter(page, { rounds: 1 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 1 round.');
    expect(sent.length).toBe(2);
  });

  it('compares a run with one that was kept', async () => {
    const { page } = await openShop(browser());
    await openLoadTest(page);
    await enter(page, { rounds: 3 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 3 rounds.');
    const first = await figures(page, 'p50');
    await panel(page).getByRole('button', { name: 'Keep this run' }).click();
    await showTab(page, 'Search');
    await enter(page, { rounds: 4 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 4 rounds.');
    const requests = await figures(page, 'Requests');
    expect(requests).toEqual(['4', '4', '3', '3']);
    expect((await figures(page, 'p50')).slice(2)).toEqual(first);
    expect(await result(page).getByRole('columnheader').allInnerTexts()).toEqual([
      'This run',
      'Kept run',
      'Database',
      'Cache',
      'Database',
      'Cache',
    ]);
    expect(await result(page).innerText()).toContain('Kept run: Query Compare, 3 rounds of 1 request');
    await panel(page).getByRole('button', { name: 'Discard the kept run' }).click();
    expect(await figures(page, 'Requests')).toEqual(['4', '4']);
  });

  it('has an axis that is linear or logarithmic', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await openLoadTest(page);
    await enter(page, { rounds: 2 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 2 rounds.');
    const ticks = (): Promise<string[]> => result(page).locator('svg .tick text').allTextContents();
    expect((await ticks())[0]).toBe('0');
    await page.getByRole('switch', { name: 'Logarithmic' }).check();
    expect((await ticks()).every((tick) => /^(10*|0\.0*1) m?s$/.test(tick))).toBe(true);
  });

  it.each([
    ['a phone', phone],
    ['a laptop', { viewport: { width: 1280, height: 800 } }],
  ])('draws 500 rounds legibly on %s', async (_screen, options) => {
    const { page } = await openShop(browser(), { options });
    // The server is not what is measured here.
    await page.route('**/graphql', async (route) => {
      if (!isOf(route.request(), 'Compare')) return await route.continue();
      return await route.fulfill({ json: { data: { database: [], cached: [] } } });
    });
    await openLoadTest(page);
    await enter(page, { rounds: 500 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 500 rounds.');
    const widths = await bars(page, 'database').evaluateAll((all) =>
      all.map((bar) => bar.getBoundingClientRect().width),
    );
    expect(widths.length).toBeGreaterThan(10);
    expect(Math.min(...widths)).toBeGreaterThanOrEqual(3);
    expect(await result(page).innerText()).toMatch(/Each bar is the mean of \d+ rounds/);
    const chart = await result(page).locator('svg').boundingBox();
    const last = await bars(page, 'cache').last().boundingBox();
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual((chart?.x ?? 0) + (chart?.width ?? 0));
    await panel(page).getByRole('button', { name: 'Keep this run' }).click();
    const [inner, outer] = await page
      .locator('.cache-panel-content')
      .evaluate((content) => [content.scrollWidth, content.clientWidth]);
    expect(inner).toBe(outer);
    const table = result(page).locator('.cache-panel-scroll');
    expect(await table.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
  });

  it('says that no field is cached', async () => {
    const { page } = await openShop(browser());
    await showTab(page, 'Stats');
    await openLoadTest(page);
    await enter(page, { rounds: 2 });
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Finished after 2 rounds.');
    expect(await result(page).innerText()).toContain('Nothing is cached');
    expect(await result(page).innerText()).not.toMatch(/faster|slower/);
    expect(await figures(page, 'Hit rate')).toEqual(['–', '–']);
  });

  it('goes on while another section is shown', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await openLoadTest(page);
    await enter(page, { rounds: 3 });
    await start(page).click();
    await page.getByRole('tab', { name: 'Compare', exact: true }).last().click();
    await openLoadTest(page);
    await expect.poll(() => status(page).innerText()).toBe('Finished after 3 rounds.');
  });

  it('says that requests wait for connections if there are many at once', async () => {
    const { page } = await openShop(browser());
    await openLoadTest(page);
    await enter(page, { concurrency: 5 });
    expect(await panel(page).getByText(note).count()).toBe(0);
    await enter(page, { concurrency: 7 });
    expect(await panel(page).getByText(note).count()).toBe(1);
  });
});

describe('a test that cannot run', () => {
  it.each([
    [{ rounds: 0 }, 'Rounds: enter a whole number from 1 to 500.'],
    [{ rounds: 501 }, 'Rounds: enter a whole number from 1 to 500.'],
    [{ rounds: 1.5 }, 'Rounds: enter a whole number from 1 to 500.'],
    [{ concurrency: 21 }, 'Simultaneous requests: enter a whole number from 1 to 20.'],
  ])('%j is refused', async (entered, message) => {
    const { page } = await openShop(browser());
    await openLoadTest(page);
    await enter(page, entered);
    await start(page).click();
    expect(await panel(page).getByRole('alert').innerText()).toBe(message);
    expect(await result(page).count()).toBe(0);
  });

  it('a mutation is refused', async () => {
    const { page } = await openShop(browser());
    await showTab(page, 'Flush');
    await openLoadTest(page);
    await start(page).click();
    expect(await panel(page).getByRole('alert').innerText()).toContain('this is a mutation');
  });

  it('ends after five errors in a row, and shows the first one', async () => {
    const { page, problems } = await openShop(browser());
    let sent = 0;
    await page.route('**/graphql', async (route) => {
      if (!isOf(route.request(), 'Compare')) return await route.continue();
      sent += 1;
      const error = { message: `Failure ${sent}`, extensions: { code: 'OVERLOADED' } };
      return sent <= 2 ? await route.continue() : await route.fulfill({ status: 503, json: { errors: [error] } });
    });
    await openLoadTest(page);
    await start(page).click();
    await expect.poll(() => status(page).innerText()).toBe('Stopped after 5 errors in a row.');
    expect(sent).toBe(7);
    expect(await panel(page).getByRole('alert').innerText()).toBe(
      '5 requests failed. The first: Failure 3 (OVERLOADED)',
    );
    expect(await figures(page, 'Errors')).toEqual(['3', '2']);
    expect(problems.splice(0).every((problem) => problem.includes('503'))).toBe(true);
  });
});

/** `391 ms`, `1.20 s`. */
function milliseconds(text = ''): number {
  return Number.parseFloat(text.replace('< ', '')) * (/ s$/.test(text) ? 1_000 : 1);
}
