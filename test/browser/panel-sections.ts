/** Shows a section of the cache panel, and writes the operation that it is about. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { CacheReport } from '../../src/pothos-cache/index.ts';

/** Shows a section, and returns its content. */
export async function showSection(page: Page, name: string): Promise<Locator> {
  await page.getByRole('tab', { name, exact: true }).click();
  return page.getByRole('tabpanel', { name });
}

/** Replaces the text of the editor, and waits until GraphiQL has read it: before that it would run the previous operation. */
export async function write(page: Page, text: string): Promise<void> {
  await page.locator('.graphiql-query-editor .monaco-editor').first().click();
  await page.keyboard.press('Control+A');
  // Typed characters would be completed with brackets.
  await page.keyboard.insertText(text);
  const textRead = (): Promise<string | null> => page.evaluate(() => localStorage.getItem('graphiql:query'));
  await expect.poll(textRead).toBe(text);
}

/** The rows of the report in a response. */
export function rowsIn(response: string): CacheReport['fields'] {
  return (JSON.parse(response) as { extensions: { cache: CacheReport } }).extensions.cache.fields;
}
