/** Writes into GraphiQL's editors, and has them complete what is written. */
import { expect } from 'vitest';
import type { Page } from 'playwright-core';

/** Replaces the operation, and waits until GraphiQL has read it. */
export async function writeOperation(page: Page, text: string): Promise<void> {
  await replace(page, '.graphiql-query-editor', text);
  await expect.poll(() => page.evaluate(() => localStorage.getItem('graphiql:query') ?? '')).toBe(text);
}

/** Replaces the variables. */
export async function writeVariables(page: Page, text: string): Promise<void> {
  const editor = '.graphiql-editor-tool .graphiql-editor:not(.hidden)';
  if (!(await page.locator(editor).first().isVisible())) await page.getByRole('button', { name: 'Variables' }).click();
  await replace(page, editor, text);
}

/** Types the start of a field's name into the tab Stats, and waits until the worker for GraphQL offers the rest. */
export async function completeName(page: Page): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: 'Stats' }).first().click();
  const editor = page.locator('.graphiql-query-editor .monaco-editor').first();
  await editor.locator('.view-line', { hasText: 'cacheStats' }).first().click();
  // The worker for GraphQL offers the fields of the schema.
  await page.keyboard.press('Control+Home');
  for (let line = 0; line < 2; line += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Home');
  await page.keyboard.type('categoryS');
  await page.keyboard.press('Control+Space');
  await page.locator('.suggest-widget').getByText('categoryStats').first().waitFor();
}

/** Replaces the headers. */
export async function writeHeaders(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'Headers', exact: true }).click();
  await replace(page, '.graphiql-editor-tool .graphiql-editor:not(.hidden)', text);
}

async function replace(page: Page, editor: string, text: string): Promise<void> {
  await page.locator(`${editor} .monaco-editor`).first().click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  // All at once. The editor closes a bracket at its end.
  await page.keyboard.insertText(text);
}
