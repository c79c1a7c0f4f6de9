// The section Compare, against the report of each response, and against `cacheStats`.
import type { Page, Request } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { formatFactor, formatMs } from '../../src/console/cache-panel/words/format.ts';
import type { CacheReport } from '../../src/pothos-cache/index.ts';
import type { RunningServer } from '../server/start-server.ts';
import { writeOperation, writeVariables } from './editor-text.ts';
import { openShop, phone, showTab, untilUsable, useBrowser } from './open-console.ts';

const browser = useBrowser();

interface Answer {
  readonly query: string;
  readonly status: number;
  readonly data: unknown;
  readonly report: CacheReport | undefined;
}

const button = (page: Page) => page.locator('.cache-panel-primary');
const result = (page: Page) => page.getByRole('region', { name: 'Comparison' });
const alert = (page: Page) => page.getByRole('tabpanel').getByRole('alert');

/** Presses the button, and returns both requests when the page shows what they measured. */
async function compare(page: Page): Promise<[database: Answer, cache: Answer]> {
  const requests: Request[] = [];
  const listen = (request: Request): void => {
    if (isComparison(request)) requests.push(request);
  };
  page.on('request', listen);
  await button(page).click();
  await expect.poll(() => requests.length).toBe(2);
  const [database, cache] = await Promise.all(requests.map(answerTo));
  await untilDone(page);
  page.off('request', listen);
  if (database === undefined || cache === undefined) throw new Error('two requests were expected');
  return [database, cache];
}

async function untilDone(page: Page): Promise<void> {
  await expect.poll(() => button(page).getAttribute('aria-disabled')).toBe('false');
}

/** The page has requests of its own, too. */
function isComparison(request: Request): boolean {
  const body = request.postData() ?? '';
  return request.method() === 'POST' && !/IntrospectionQuery|console|cacheEvents|cacheSnapshot/.test(body);
}

async function answerTo(request: Request): Promise<Answer> {
  const { query } = JSON.parse(request.postData() ?? '{}') as { query: string };
  const response = await request.response();
  const body = (await response?.json()) as { data: unknown; extensions?: { cache?: CacheReport } };
  return { query, status: response?.status() ?? 0, data: body.data, report: body.extensions?.cache };
}

function states({ report }: Answer): string[] {
  return (report?.fields ?? []).map(({ state }) => state);
}

/** What the page shows: the two times in milliseconds, as texts and as numbers. */
async function shownTimes(page: Page): Promise<{ texts: string[]; database: number; cache: number }> {
  const texts = await result(page).locator(':scope > .cache-panel-times dd').allInnerTexts();
  const [database = NaN, cache = NaN] = texts.map(
    (text) => Number.parseFloat(text.replace('< ', '')) * (/ s$/.test(text) ? 1_000 : 1),
  );
  return { texts: texts.map((text) => text.trim()), database, cache };
}

function factorText(factor: number): string {
  if (Math.max(factor, 1 / factor) < 1.05) return 'As fast as the database';
  return factor >= 1 ? `${formatFactor(factor)} faster` : `${formatFactor(1 / factor)} slower`;
}

async function counts(server: RunningServer): Promise<{ hits: number; misses: number }> {
  const { data } = await server.ask<{ cacheStats: { hits: number; misses: number } }>('{ cacheStats { hits misses } }');
  return data.cacheStats;
}

describe('Compare', () => {
  it('names a first run, and shows the factor with one more click', async () => {
    const { page, server } = await openShop(browser(), { overrides: { simulateLatency: true } });
    const [bypassed, missed] = await compare(page);
    expect(bypassed.query).toContain('@cache(mode: BYPASS)');
    // The tab has a @cache of its own.
    expect(missed.query).not.toContain('@cache');
    expect([states(bypassed), states(missed)]).toEqual([
      ['bypass', 'bypass'],
      ['miss', 'shared'],
    ]);
    const shown = result(page);
    expect(await shown.innerText()).toContain('First run: a miss');
    expect(await shown.innerText()).not.toContain('faster');
    expect(await counts(server)).toEqual({ hits: 0, misses: 2 });

    expect(await button(page).innerText()).toBe('Run again');
    const [, hit] = await compare(page);
    expect(states(hit)).toEqual(['hit', 'hit']);
    expect(await counts(server)).toEqual({ hits: 2, misses: 2 });
    const { database, cache } = await shownTimes(page);
    expect(database).toBeGreaterThan(300);
    // The times are rounded, to half of a hundredth at most.
    const factor = Number.parseFloat(await shown.locator('.cache-panel-large strong').innerText());
    expect(factor / (database / cache)).toBeGreaterThan(0.9);
    expect(factor / (database / cache)).toBeLessThan(1.1);
    expect(await shown.locator('.cache-panel-large').innerText()).toMatch(/^\d+(\.\d)? × faster$/);
    expect(await shown.innerText()).toContain('Both responses are equal');
    expect(await button(page).innerText()).toBe('Compare');
  });

  it('shows the time of each cached field, as the reports have it', async () => {
    const { page } = await openShop(browser());
    await showTab(page, 'TopProducts');
    await compare(page);
    const [database, cache] = await compare(page);
    const [bypassed, hit] = [database.report?.fields[0], cache.report?.fields[0]];
    const field = page.locator('.cache-panel-compare-fields li');
    expect(await field.count()).toBe(1);
    expect(await field.locator('h5').innerText()).toBe('topProducts');
    expect(await field.innerText()).toContain('Hit, Redis');
    const times = (await field.locator('dd').allInnerTexts()).map((text) => text.trim());
    expect(times).toEqual([formatMs(bypassed?.durationMs ?? NaN), formatMs(hit?.durationMs ?? NaN)]);
  });

  it('draws both bars on one scale, with stripes on one of them', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await compare(page);
    await compare(page);
    const widths = await result(page)
      .locator(':scope > .cache-panel-times .cache-panel-track')
      .evaluateAll((tracks) =>
        tracks.map((track) => {
          const bars = [...track.children].map((bar) => bar.getBoundingClientRect().width);
          return bars.reduce((sum, width) => sum + width, 0) / track.getBoundingClientRect().width;
        }),
      );
    const { database, cache } = await shownTimes(page);
    expect(widths[0]).toBeCloseTo(1, 1);
    expect(widths[1]).toBeCloseTo(cache / database, 1);
    const backgrounds = await result(page)
      .locator(':scope > .cache-panel-times .cache-panel-bar:last-child')
      .evaluateAll((bars) => bars.map((bar) => getComputedStyle(bar).backgroundImage));
    expect(backgrounds).toEqual([expect.stringContaining('repeating-linear-gradient'), 'none']);
  });

  it('shows where responses differ', async () => {
    const { page } = await openShop(browser());
    await showTab(page, 'TopProducts');
    await page.route('**/graphql', async (route) => {
      const query = route.request().postData() ?? '';
      if (!query.includes('TopProducts') || query.includes('BYPASS')) return await route.continue();
      const response = await route.fetch();
      const body = (await response.json()) as { data: { topProducts: { name: string }[] } };
      const [, second] = body.data.topProducts;
      if (second !== undefined) second.name = 'Changed';
      return await route.fulfill({ response, json: body });
    });
    const [database] = await compare(page);
    const { name } = (database.data as { topProducts: { name: string }[] }).topProducts[1] ?? { name: '' };
    const row = result(page).getByRole('row', { name: /topProducts\[1\]\.name/ });
    expect(await row.getByRole('cell').allInnerTexts()).toEqual([JSON.stringify(name), '"Changed"']);
    expect(await result(page).innerText()).not.toContain('Both responses are equal');
  });

  it('says that no field is cached', async () => {
    const { page } = await openShop(browser());
    await writeOperation(page, '{ cacheStats { backend } }');
    const [, { report }] = await compare(page);
    expect(report).toBeUndefined();
    expect(await result(page).innerText()).toContain('Nothing is cached');
    expect(await result(page).innerText()).not.toContain('faster');
  });

  it('keeps its result while another plugin is shown', async () => {
    const { page } = await openShop(browser());
    await compare(page);
    await page.getByRole('button', { name: /Show History/ }).click();
    await expect.poll(() => result(page).count()).toBe(0);
    await page.getByRole('button', { name: /Show Cache panel/ }).click();
    expect(await result(page).innerText()).toContain('First run');
  });

  it('works by keyboard, and the focus stays', async () => {
    const { page } = await openShop(browser());
    await page.getByRole('tab', { name: 'Compare', selected: true }).last().focus();
    while (!(await button(page).evaluate((one) => one === document.activeElement))) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => result(page).count()).toBe(1);
    await page.keyboard.press('Enter');
    await expect.poll(() => result(page).innerText()).toMatch(/faster|slower|As fast/);
    expect(await button(page).evaluate((one) => one === document.activeElement)).toBe(true);
  });

  it.each([
    ['a phone', phone],
    ['a laptop', { viewport: { width: 1280, height: 800 } }],
  ])('fits on %s', async (_screen, options) => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true }, options });
    await compare(page);
    await compare(page);
    const [inner, outer] = await page
      .locator('.cache-panel-content')
      .evaluate((content) => [content.scrollWidth, content.clientWidth]);
    expect(inner).toBe(outer);
  });
});

describe('simulated latency', () => {
  it('is stated with the figures that include it, and left out on request', async () => {
    const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
    await showTab(page, 'TopProducts');
    await compare(page);
    expect(await result(page).innerText()).toContain('Both times include 350 ms of simulated latency');
    await compare(page);
    expect(await result(page).innerText()).toContain('Factor and database time include 350 ms of simulated latency');
    const field = page.locator('.cache-panel-compare-fields li');
    expect(await field.innerText()).toContain('includes 350 ms of simulated latency');
    const before = await shownTimes(page);

    await page.getByRole('switch', { name: 'Without simulated latency' }).check();
    const after = await shownTimes(page);
    // Shown without decimals from 100 ms on.
    expect(Math.abs(before.database - 350 - after.database)).toBeLessThanOrEqual(0.6);
    expect(after.texts[1]).toBe(before.texts[1]);
    expect(await result(page).innerText()).toContain('Shown without 350 ms of simulated latency');
    expect(await field.innerText()).toContain('without 350 ms of simulated latency');
    // The shown times are rounded, and so the factor is known to some percent.
    const factors = [0.97, 1, 1.03].map((by) => (by * after.database) / after.cache);
    const shown = await result(page).locator('.cache-panel-large').innerText();
    expect(factors.map(factorText)).toContain(shown);
  });

  it('is not mentioned by a server without it', async () => {
    const { page } = await openShop(browser());
    await compare(page);
    expect(await page.getByRole('switch').count()).toBe(0);
    expect(await result(page).innerText()).not.toContain('simulated');
  });
});

describe('what cannot be compared', () => {
  it.each([
    ['', 'The editor is empty'],
    ['# only a comment', 'The editor is empty'],
    ['categoryStats', 'Syntax Error'],
    ['mutation { flushCache { keysRemoved } }', 'this is a mutation'],
    ['subscription { cacheEvents { at } }', 'this is a subscription'],
  ])('%j is refused with a reason, and nothing is sent', async (query, reason) => {
    const { page } = await openShop(browser());
    await writeOperation(page, query);
    const sent: string[] = [];
    page.on('request', (request) => {
      if (isComparison(request)) sent.push(request.postData() ?? '');
    });
    await button(page).click();
    expect(await alert(page).innerText()).toContain(reason);
    await untilDone(page);
    expect(sent).toEqual([]);
  });

  it('invalid variables', async () => {
    const { page } = await openShop(browser());
    await writeVariables(page, '{"q": ');
    await button(page).click();
    expect(await alert(page).innerText()).toMatch(/^Variables: /);
  });

  it('what the server rejects, until it is corrected', async () => {
    const { page } = await openShop(browser());
    await writeOperation(page, '{ categoryStats { nme } }');
    await button(page).click();
    expect(await alert(page).innerText()).toMatch(/Cannot query field "nme".* \([A-Z_]+\)/);
    await writeOperation(page, '{ categoryStats { name } }');
    await compare(page);
    expect(await alert(page).count()).toBe(0);
    expect(await result(page).innerText()).toContain('First run');
  });

  it('a server with too much to do', async () => {
    const { page, problems } = await openShop(browser());
    const overloaded = { message: 'Too many requests are under way; try again.', extensions: { code: 'OVERLOADED' } };
    await page.route('**/graphql', (route) => route.fulfill({ status: 503, json: { errors: [overloaded] } }));
    await button(page).click();
    expect(await alert(page).innerText()).toBe('Too many requests are under way; try again. (OVERLOADED)');
    expect(problems.splice(0).every((problem) => problem.includes('503'))).toBe(true);
  });

  it('a report that makes no sense, without losing the page', async () => {
    const { page, problems } = await openShop(browser());
    const fields = [{ path: ['database'], field: 'Query.categoryStats', state: 'hit', durationMs: 'long' }];
    await page.route('**/graphql', async (route) => {
      if (!isComparison(route.request())) return await route.continue();
      return await route.fulfill({ json: { data: {}, extensions: { cache: { fields } } } });
    });
    await button(page).click();
    expect(await alert(page).innerText()).toContain('This section has failed');
    expect(await page.locator('.graphiql-query-editor').isVisible()).toBe(true);
    // React tells the console about it.
    expect(problems.splice(0).length).toBeGreaterThan(0);
  });

  it('a server that is gone', async () => {
    const { page, server, problems } = await openShop(browser());
    await compare(page);
    server.http.server.closeAllConnections();
    await server.http.close({ drainMs: 0 });
    await button(page).click();
    expect(await alert(page).innerText()).toContain('The server cannot be reached');
    expect(await result(page).count()).toBe(0);
    expect(problems.splice(0).every((problem) => problem.includes('net::ERR_'))).toBe(true);
  });
});

it('a comparison that takes long can be stopped, and its late response is ignored', async () => {
  const { page } = await openShop(browser());
  await compare(page);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/graphql', async (route) => {
    if (isComparison(route.request())) await held;
    await route.continue();
  });
  await button(page).click();
  await page.getByRole('tabpanel').getByRole('button', { name: 'Stop' }).click();
  await untilDone(page);
  const late = page.waitForResponse((one) => isComparison(one.request()));
  release();
  await (await late).finished();
  expect(await result(page).innerText()).toContain('First run');
});

it('the tour says what to press, at the first visit only', async () => {
  const { page } = await openShop(browser());
  const tour = page.getByRole('complementary', { name: 'Tour' });
  expect(await tour.innerText()).toContain('Press Compare');
  await tour.getByRole('button', { name: 'Got it' }).click();
  await expect.poll(() => tour.count()).toBe(0);
  await page.reload();
  await untilUsable(page);
  await button(page).waitFor();
  expect(await tour.count()).toBe(0);
});
