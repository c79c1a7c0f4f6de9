/** Writes into GraphiQL's editors. */
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

async function replace(page: Page, editor: string, text: string): Promise<void> {
  await page.locator(`${editor} .monaco-editor`).first().click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  // All at once. The editor closes a bracket at its end.
  await page.keyboard.insertText(text);
}
