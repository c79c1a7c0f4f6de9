/** Opens the console in a new browser context, and collects what must not happen there. */
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { startServer, type Overrides, type RunningServer } from '../server/start-server.ts';

// No GPU, no sandbox (the tests may run as root), and no requests of the browser's own.
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
export const laptop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };

export interface OpenedConsole {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors in the browser's console, violations of the page's policy, and requests to other hosts: the test fails if there are any. */
  readonly problems: string[];
}

export interface OpenedShop extends OpenedConsole {
  readonly server: RunningServer;
}

/** One browser for the tests of a file. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...quiet] });
  });
  afterAll(() => browser?.close());
  return () => {
    if (browser === undefined) throw new Error('The browser is started before the first test.');
    return browser;
  };
}

/** A server of its own, and its console, in a browser that has not been there before. */
export async function openShop(
  browser: Browser,
  { overrides = {}, options = laptop }: { overrides?: Overrides; options?: BrowserContextOptions } = {},
): Promise<OpenedShop> {
  const server = await startServer(overrides);
  return { server, ...(await openConsole(browser, server.url, options)) };
}

export async function openConsole(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = laptop,
): Promise<OpenedConsole> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  context.on('request', (request) => {
    const isLocal = request.url().startsWith(url) || /^(data|blob):/.test(request.url());
    if (!isLocal) problems.push(`a request to ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });
  await page.goto(url);
  expect(page.url()).toBe(`${url}/graphql`);
  await untilUsable(page);
  return { page, context, problems };
}

/** GraphiQL ignores a click on its button until it has both editors. */
export async function untilUsable(page: Page): Promise<void> {
  for (const part of ['.graphiql-query-editor', '.result-window'])
    await page.locator(`${part} .monaco-editor`).first().waitFor({ state: 'attached' });
}

/** Shows another of GraphiQL's tabs, and waits until it has read the text: before that it would run the previous operation. */
export async function showTab(page: Page, tab: string): Promise<void> {
  const textRead = (): Promise<string | null> => page.evaluate(() => localStorage.getItem('graphiql:query'));
  await page.locator('.graphiql-tab-button', { hasText: tab }).click();
  await expect.poll(textRead).toContain(` ${tab}`);
}

/** Runs the operation of the tab that is shown, and returns its response when the page shows it. */
export async function run(page: Page, operation: string): Promise<string> {
  const button = page.getByRole('button', { name: /Execute query/ });
  // One click: a second one, while a slow request runs, would run the operation twice.
  const [request] = await Promise.all([
    page.waitForRequest((one) => one.postData()?.includes(` ${operation}`) === true),
    button.click(),
  ]);
  const answer: unknown = await (await request.response())?.json();
  await button.waitFor();
  await page.locator('.result-window .view-line').first().waitFor();
  return JSON.stringify(answer, null, 2);
}

/** As when the user shows another of the browser's tabs. */
export async function becomes(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}
