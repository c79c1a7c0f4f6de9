import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../server/start-server.ts';

// No accelerator, no sandbox (we may be root), and nothing that the browser asks for itself.
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...quiet] });
});
afterAll(() => browser.close());

it('opens without internet, with tabs that run as they stand', async () => {
  const { page, problems } = await openGraphiql();
  const tabs = page.getByRole('tab');
  await expect.poll(() => tabs.allInnerTexts()).toEqual(['Compare', 'Search', 'TopProducts', 'Stats', 'Flush']);
  for (const name of await tabs.allInnerTexts()) {
    await page.getByRole('tab', { name }).click();
    const answer = await run(page, name);
    expect(answer).not.toContain('"errors"');
    expect(answer).toContain('"data"');
  }
  expect(problems).toEqual([]);
});

it('shows at the second run of Compare that the cache answered', async () => {
  const { page } = await openGraphiql();
  expect(await run(page, 'Compare')).toContain('"state": "miss"');
  const answer = await run(page, 'Compare');
  expect(answer).toContain('"source": "cache"');
});

it('tells what the schema means', async () => {
  const { page, problems } = await openGraphiql();
  await page.getByRole('button', { name: /Documentation Explorer/ }).click();
  await page
    .getByText('categoryStats')
    .or(page.getByRole('link', { name: 'Query' }))
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

/** A browser that has never been here. */
async function openGraphiql(): Promise<{ page: Page; problems: string[] }> {
  const server = await startServer();
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  page.on('request', (request) => {
    const isLocal = request.url().startsWith(server.url) || /^(data|blob):/.test(request.url());
    if (!isLocal) problems.push(`a request to ${request.url()}`);
  });
  await page.goto(server.url);
  expect(page.url()).toBe(`${server.url}/graphql`);
  await page.getByRole('tab').first().waitFor();
  return { page, problems };
}

/** Clicks the button, and gives the text of the answer when the page shows it. */
async function run(page: Page, operation: string): Promise<string> {
  const button = page.getByRole('button', { name: /Execute query/ });
  let answer: unknown;
  // For 100 ms after a change of tabs GraphiQL looks for the old tab's operation; a click as early as that is repeated.
  const isAnswered = async (): Promise<boolean> => {
    const isOurs = (text: string | null): boolean => text?.includes(` ${operation}`) === true;
    const [request] = await Promise.all([
      page.waitForRequest((one) => isOurs(one.postData()), { timeout: 500 }).catch(() => undefined),
      button.click(),
    ]);
    answer = await (await request?.response())?.json();
    return request !== undefined;
  };
  await expect.poll(isAnswered, { timeout: 15_000 }).toBe(true);
  await button.waitFor();
  await page.locator('.result-window .view-line').first().waitFor();
  return JSON.stringify(answer, null, 2);
}
