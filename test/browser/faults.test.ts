// What is left of the console when a part of it fails, and how that part comes back.
import { expect, it } from 'vitest';
import { completeName } from './editor-text.ts';
import { openShop, untilUsable, useBrowser } from './open-console.ts';

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

/** Removes the problems that the test has caused, of which there must be at least one. */
function expectProblem(problems: string[], caused: RegExp): void {
  const others = problems.filter((one) => !caused.test(one));
  expect(others.length).toBeLessThan(problems.length);
  problems.splice(0, problems.length, ...others);
}
