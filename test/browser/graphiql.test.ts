import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { seededDatabase } from '../database/shop-database.ts';
import { writeHeaders } from './editor-text.ts';
import { openShop, phone, run, showTab, untilUsable, useBrowser } from './open-console.ts';

const browser = useBrowser();

it('opens without internet access, and its tabs run unchanged', async () => {
  const { page } = await openShop(browser(), { overrides: { databaseUrl: await seededDatabase() } });
  const tabs = page.locator('.graphiql-tab-button');
  const names = ['Compare', 'Search', 'TopProducts', 'ChangePrice', 'AddReview', 'Stats', 'Flush'];
  await expect.poll(() => tabs.allInnerTexts()).toEqual(names);
  for (const name of await tabs.allInnerTexts()) {
    await showTab(page, name);
    const answer = await run(page, name);
    expect(answer).not.toContain('"errors"');
    expect(answer).toContain('"data"');
    expect(answer).not.toContain('"message"'); // of an error that is a type
  }
});

it('reports a cached value at the second run of Compare', async () => {
  const { page } = await openShop(browser());
  expect(await run(page, 'Compare')).toContain('"state": "miss"');
  expect(await run(page, 'Compare')).toContain('"source": "cache"');
});

it('documents the arguments of a field, with their defaults', async () => {
  const { page } = await openShop(browser());
  await page.getByRole('button', { name: /Documentation Explorer/ }).click();
  const docs = page.locator('.graphiql-doc-explorer');
  await docs.getByText('Query', { exact: true }).first().click();
  await docs.getByText('topProducts', { exact: true }).click();
  const shown = (): Promise<string> => docs.innerText();
  for (const text of ['minReviews', '= 5', 'Products with fewer reviews are left out.', 'perCategory', '= 3'])
    await expect.poll(shown).toContain(text);
});

it('shows the responses again after a reload, each in its tab', async () => {
  const { page } = await openShop(browser());
  await run(page, 'Compare');
  await showTab(page, 'Stats');
  await run(page, 'Stats');
  const response = page.locator('.result-window .view-lines');
  const stored = (): Promise<string | null> => page.evaluate(() => localStorage.getItem('graphiql:tabState'));
  // GraphiQL stores its tabs half a second later.
  await expect.poll(stored).toContain('"activeTabIndex":5');
  await page.reload();
  await untilUsable(page);
  await expect.poll(() => response.innerText()).toContain('cacheStats');
  await showTab(page, 'Compare');
  await expect.poll(() => response.innerText()).toContain('categoryStats');
});

it('does not store headers, which may contain a token', async () => {
  const { page } = await openShop(browser());
  await writeHeaders(page, '{"authorization": "Bearer a-secret"}');
  await run(page, 'Compare');
  await showTab(page, 'Stats');
  const stored = (): Promise<string> =>
    page.evaluate(() => JSON.stringify([localStorage, sessionStorage].map((storage) => Object.entries(storage))));
  // GraphiQL stores its tabs half a second later, and its history when the response has come.
  await expect.poll(stored).toContain('\\"activeTabIndex\\":5');
  await expect.poll(stored).toContain('graphiql:queries');
  expect(await stored()).not.toContain('a-secret');
});

it('forgets headers that an earlier version of the page has stored', async () => {
  const { page } = await openShop(browser());
  await page.evaluate(() => {
    const headers = '{"authorization": "Bearer a-secret"}';
    const operation = { query: 'query Old { __typename }', variables: '{"headers": 1}', headers, operationName: 'Old' };
    const tab = { ...operation, id: 'old', hash: null, title: 'Old', response: null };
    localStorage.setItem('graphiql:headers', headers);
    localStorage.setItem('graphiql:shouldPersistHeaders', 'true');
    localStorage.setItem('graphiql:tabState', JSON.stringify({ activeTabIndex: 0, tabs: [tab] }));
    localStorage.setItem('graphiql:queries', JSON.stringify({ queries: [operation] }));
    sessionStorage.setItem('cachepot:responses', '{"old": 5}');
  });
  await page.reload();
  await untilUsable(page);
  await page.locator('.graphiql-tab-button', { hasText: 'Old' }).waitFor();
  const stored = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  expect(stored).toContain('query Old');
  expect(stored).not.toContain('a-secret');
  await page.getByRole('button', { name: 'Headers', exact: true }).click();
  expect(await page.locator('.graphiql-editor-tool').innerText()).not.toContain('a-secret');
});

it('works although the browser blocks its storage', async () => {
  const { page, context } = await openShop(browser());
  await context.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('Access is denied.', 'SecurityError');
        },
      });
  });
  await page.reload();
  await untilUsable(page);
  expect(await run(page, 'Compare')).toContain('"data"');
});

it('does not scroll as a whole', async () => {
  const { page } = await openShop(browser());
  // As GraphiQL's own menus and hints do.
  await page.evaluate(() =>
    document.body.append(Object.assign(document.createElement('div'), { style: 'height: 9999px' })),
  );
  await page.mouse.move(700, 600);
  await page.mouse.wheel(0, 5_000);
  await page.mouse.wheel(5_000, 0);
  await page.evaluate(() => window.scrollTo(500, 500));
  expect(await page.evaluate(() => [window.scrollX, window.scrollY])).toEqual([0, 0]);
});

it('runs the operation with Ctrl+Enter when no editor has the focus', async () => {
  const { page } = await openShop(browser());
  await page.getByRole('button', { name: /Show History/ }).focus();
  const [request] = await Promise.all([
    page.waitForRequest((one) => one.postData()?.includes(' Compare') === true),
    page.keyboard.press('Control+Enter'),
  ]);
  expect((await request.response())?.status()).toBe(200);
});

it('has one pane at a time on a phone, as wide as the screen, and nothing to scroll sideways', async () => {
  const { page } = await openShop(browser(), { options: phone });
  const panes = page.getByRole('tablist', { name: 'Panes' });
  const visible = async (): Promise<string[]> => {
    const parts = ['.graphiql-plugin', '.graphiql-editors', '.graphiql-response'];
    const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
    return parts.filter((_, index) => boxes[index] != null);
  };
  await expect.poll(visible).toEqual(['.graphiql-plugin']);
  const sections = page.getByRole('tablist', { name: 'Cache panel' }).getByRole('tab');
  for (const name of await sections.allInnerTexts()) {
    await sections.filter({ hasText: name }).click();
    expect([name, await cutOff(page)]).toEqual([name, []]);
  }
  for (const [name, part] of [
    ['Editor', '.graphiql-editors'],
    ['Response', '.graphiql-response'],
  ] as const) {
    await panes.getByRole('tab', { name }).click();
    await expect.poll(visible).toEqual([part]);
    expect((await page.locator(part).boundingBox())?.width).toBeGreaterThan(350);
    expect([name, await cutOff(page)]).toEqual([name, []]);
  }
  await panes.getByRole('tab', { name: 'Editor' }).click();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await expect.poll(visible).toEqual(['.graphiql-response']);
});

/** What extends beyond the right edge of the screen, and can neither be seen nor scrolled to. */
function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canScroll = (element: Element | null): boolean =>
      element !== null && (/auto|scroll/.test(getComputedStyle(element).overflowX) || canScroll(element.parentElement));
    return [...document.querySelectorAll('.console *')]
      .filter((element) => element.closest('.monaco-editor') === null && element.checkVisibility())
      .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1 && !canScroll(element))
      .map((element) => element.outerHTML.slice(0, 120));
  });
}
