// Axe, keyboard and reduced motion.
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { laptop, openShop, phone, run, useBrowser } from './open-console.ts';

const browser = useBrowser();

it.each([
  ['a laptop', 'light', laptop],
  ['a laptop', 'dark', laptop],
  ['a phone', 'light', phone],
  ['a phone', 'dark', phone],
] as const)('has no serious finding by axe on %s, %s', async (_, colorScheme, options) => {
  const { page } = await openShop(browser(), { options: { ...options, colorScheme } });
  expect(await seriousFindings(page)).toEqual([]);
});

it.each(['light', 'dark'] as const)(
  'has no serious finding by axe with a response, the docs and the history, %s',
  async (colorScheme) => {
    const { page } = await openShop(browser(), { options: { ...laptop, colorScheme } });
    await run(page, 'Compare');
    expect(await seriousFindings(page)).toEqual([]);
    for (const plugin of [/Documentation Explorer/, /Show History/]) {
      await page.getByRole('button', { name: plugin }).click();
      expect(await seriousFindings(page)).toEqual([]);
    }
  },
);

it('closes a tab with the key Delete, and announces which tab is selected', async () => {
  const { page } = await openShop(browser());
  const others = ['TopProducts', 'ChangePrice', 'AddReview', 'Stats', 'Flush'];
  const tabs = page.getByRole('tablist', { name: 'Select active operation' }).getByRole('tab');
  await expect.poll(() => tabs.allInnerTexts()).toEqual(['Compare', 'Search', ...others]);
  await tabs.nth(1).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => tabs.nth(1).getAttribute('aria-selected')).toBe('true');
  await expect.poll(() => tabs.nth(0).getAttribute('aria-selected')).toBe('false');
  await page.keyboard.press('Delete');
  await expect.poll(() => tabs.allInnerTexts()).toEqual(['Compare', ...others]);
});

/** The serious and critical findings: each rule with the elements that break it. */
async function seriousFindings(page: Page): Promise<string[]> {
  // As an expression: the page's policy forbids scripts from elsewhere.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () => {
    const { axe: loaded } = globalThis as unknown as { axe: typeof axe };
    return loaded.run(document, { resultTypes: ['violations'] });
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
    );
}
