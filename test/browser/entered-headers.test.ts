// Headers that the user has entered in GraphiQL, as a server asks for them that knows who its users are.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { writeHeaders } from './editor-text.ts';
import { becomes, openShop, useBrowser } from './open-console.ts';
import { showSection } from './panel-sections.ts';

const browser = useBrowser();

it('are sent with the requests of the panel: its live figures, and what the server says about itself', async () => {
  const { page } = await openShop(browser());
  await writeHeaders(page, '{ "authorization": "Bearer of-ada" }');
  // What is entered later does not interrupt the connection; the next one has it.
  const live = authorizationOf(page, 'subscription CacheEvents');
  await becomes(page, 'hidden');
  await becomes(page, 'visible');
  expect(await live).toBe('Bearer of-ada');
  const settings = authorizationOf(page, '{ console {');
  await showSection(page, 'Scenarios');
  expect(await settings).toBe('Bearer of-ada');
});

/** The header of the next request of this operation. */
async function authorizationOf(page: Page, operation: string): Promise<string | null> {
  const request = await page.waitForRequest((one) => one.postData()?.includes(operation) === true);
  return await request.headerValue('authorization');
}
