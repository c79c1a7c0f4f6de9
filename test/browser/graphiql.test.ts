import { chromium, type Browser, type Page, type Request } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../server/start-server.ts';

// No GPU, no sandbox (the tests may run as root), and no requests of the browser's own.
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...quiet] });
});
afterAll(() => browser.close());

it('opens without internet access, and its tabs run unchanged', async () => {
  const { page, problems } = await openGraphiql();
  const tabs = page.getByRole('tab');
  await expect.poll(() => tabs.allInnerTexts()).toEqual(['Compare', 'Search', 'TopProducts', 'Stats', 'Flush']);
  for (const name of await tabs.allInnerTexts()) {
    await show(page, name);
    const answer = await run(page, name);
    expect(answer).not.toContain('"errors"');
    expect(answer).toContain('"data"');
  }
  expect(problems).toEqual([]);
});

it('reports a cached value at the second run of Compare', async () => {
  const { page } = await openGraphiql();
  expect(await run(page, 'Compare')).toContain('"state": "miss"');
  const answer = await run(page, 'Compare');
  expect(answer).toContain('"source": "cache"');
});

it('shows the documentation of the schema', async () => {
  const { page, problems } = await openGraphiql();
  await page.getByRole('button', { name: /Documentation Explorer/ }).click();
  await page
    .getByText('categoryStats')
    .or(page.getByRole('link', { name: 'Query' }))
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

/** Opens GraphiQL in a new browser context. */
async function openGraphiql(): Promise<{ page: Page; problems: string[] }> {
  const server = await startServer();
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
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
  // GraphiQL ignores a click on the button until it has both editors.
  for (const part of ['.graphiql-query-editor', '.result-window']) {
    await page.locator(`${part} .monaco-editor`).first().waitFor();
  }
  return { page, problems };
}

/** Shows another tab, and waits until GraphiQL has read its text: before that it would run the previous operation. */
async function show(page: Page, tab: string): Promise<void> {
  const textRead = (): Promise<string | null> => page.evaluate(() => localStorage.getItem('graphiql:query'));
  await page.getByRole('tab', { name: tab }).click();
  await expect.poll(textRead).toContain(` ${tab}`);
}

/** Runs the operation of the tab that is shown, and returns its response when the page shows it. */
async function run(page: Page, operation: string): Promise<string> {
  const button = page.getByRole('button', { name: /Execute query/ });
  const isOurs = (request: Request): boolean => request.postData()?.includes(` ${operation}`) === true;
  // One click: a second one, while a slow request runs, would run the operation twice.
  const [request] = await Promise.all([page.waitForRequest(isOurs), button.click()]);
  const answer: unknown = await (await request.response())?.json();
  await button.waitFor();
  await page.locator('.result-window .view-line').first().waitFor();
  return JSON.stringify(answer, null, 2);
}
