/** Shows a section of the cache panel, and reads the report that it is about. */
import type { Locator, Page } from 'playwright-core';
import type { CacheReport } from '../../src/pothos-cache/index.ts';

/** Shows a section, and returns its content. */
export async function showSection(page: Page, name: string): Promise<Locator> {
  await page.getByRole('tab', { name, exact: true }).click();
  return page.getByRole('tabpanel', { name });
}

/** The rows of the report in a response. */
export function rowsIn(response: string): CacheReport['fields'] {
  return (JSON.parse(response) as { extensions: { cache: CacheReport } }).extensions.cache.fields;
}
