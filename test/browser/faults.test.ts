// What is left of the console when a part of it fails, and how that part comes back.
import { expect, it } from 'vitest';
import { completeName } from './editor-text.ts';
import { openShop, run, untilUsable, useBrowser } from './open-console.ts';
import { showSection } from './panel-sections.ts';

const browser = useBrowser();

it('completes names although the worker could not be loaded twice', async () => {
  const { page, problems } = await openShop(browser());
  let refused = 0;
  await page.route('**/graphql.worker*', (route) => {
    if (refused === 2) return route.continue();
    refused += 1;
    return route.abort();
  });
  await page.reload();
  await untilUsable(page);
  await completeName(page);
  expect(refused).toBe(2);
  expectProblem(problems, /net::ERR_/);
});

it('shows a section again when the user tries it again', async () => {
  const { page, problems } = await openShop(browser());
  const fields = [{ path: ['first'], field: 'Query.categoryStats', state: 'hit', durationMs: 'long' }];
  await page.route('**/graphql', (route) =>
    route.request().postData()?.includes(' Compare') === true
      ? route.fulfill({ json: { data: {}, extensions: { cache: { fields } } } })
      : route.continue(),
  );
  await run(page, 'Compare');
  const section = await showSection(page, 'Fields');
  const failure = section.getByRole('alert').filter({ hasText: 'This section has failed' });
  await failure.waitFor();
  await page.unroute('**/graphql');
  await run(page, 'Compare');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await section.getByRole('list', { name: 'Cached fields' }).waitFor();
  expect(await failure.count()).toBe(0);
  expectProblem(problems, /toFixed/);
});

it('keeps the page when the bar fails, and shows the bar again when the user tries it again', async () => {
  const { page, problems } = await openShop(browser());
  await page.route('**/graphql', (route) => {
    const body = route.request().postData() ?? '';
    if (body.includes('cacheEvents')) return route.fulfill({ status: 405, body: 'no subscriptions here' });
    if (!body.includes('cacheSnapshot')) return route.continue();
    return route.fulfill({ json: { data: { cacheSnapshot: { at: Date.now(), events: [] } } } });
  });
  await page.reload();
  const failure = page.getByRole('alert').filter({ hasText: 'This bar has failed' });
  await failure.waitFor();
  await untilUsable(page);
  expect(await run(page, 'Compare')).toContain('"data"');
  await page.unroute('**/graphql');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('region', { name: 'Cache statistics' }).locator('dl').waitFor();
  expect(await failure.count()).toBe(0);
  expectProblem(problems, /toLocaleString/);
  expectProblem(problems, /status of 405/);
});

it('says that the whole page has failed instead of showing nothing', async () => {
  const { page, context, problems } = await openShop(browser());
  // An effect of a component outside of the panel's sections fails.
  await context.addInitScript(() => {
    HTMLElement.prototype.setAttribute = function (name, value) {
      if (name === 'data-pane') throw new Error('out of panes');
      Element.prototype.setAttribute.call(this, name, value);
    };
  });
  await page.reload();
  await expect
    .poll(() => page.getByRole('alert').allInnerTexts())
    .toEqual(['The console has failed: Error: out of panes. Reload the page.']);
  expectProblem(problems, /out of panes/);
});

/** Removes the problems that the test has caused, of which there must be at least one. */
function expectProblem(problems: string[], caused: RegExp): void {
  const others = problems.filter((one) => !caused.test(one));
  expect(others.length).toBeLessThan(problems.length);
  problems.splice(0, problems.length, ...others);
}
