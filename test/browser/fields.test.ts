import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import SchemaBuilder from '@pothos/core';
import type { GraphQLSchema } from 'graphql';
import { Redis } from 'ioredis';
import type { Locator, Page } from 'playwright-core';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { Cache } from '../../src/cache/index.ts';
import { formatMs } from '../../src/console/cache-panel/words/format.ts';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { openShop, phone, run, showTab, untilUsable, useBrowser } from './open-console.ts';
import { writeOperation } from './editor-text.ts';
import { rowsIn, showSection } from './panel-sections.ts';

const browser = useBrowser();
const exec = promisify(execFile);

/** The parts of the rows that are shown, and where their bars are. */
async function shownRows(fields: Locator): Promise<Record<string, string | number>[]> {
  return fields.getByRole('listitem').evaluateAll((items) =>
    items.map((item) => {
      const textOf = (part: string): string => item.querySelector(part)?.textContent ?? '';
      const track = item.querySelector('.cache-panel-field-track')?.getBoundingClientRect();
      const bar = item.querySelector('.cache-panel-bar:last-child')?.getBoundingClientRect();
      if (track === undefined || bar === undefined) throw new Error('a row has no bar');
      return {
        path: textOf('.cache-panel-field-path'),
        field: textOf('.cache-panel-field-name'),
        duration: textOf('.cache-panel-field-duration'),
        state: textOf('strong').toLowerCase(),
        source: item.getAttribute('data-source') ?? '',
        key: textOf('.cache-panel-field-key code'),
        startPercent: (100 * (bar.left - track.left)) / track.width,
        widthPercent: (100 * bar.width) / track.width,
      };
    }),
  );
}

it('shows a row for each cached field of the response, as its report says', async () => {
  const { page } = await openShop(browser());
  const fields = await showSection(page, 'Fields');
  await fields.getByText('Run an operation').waitFor();
  for (const expected of ['miss', 'hit']) {
    const rows = rowsIn(await run(page, 'Compare'));
    expect(rows.map(({ state }) => state)).toContain(expected);
    const spanMs = Math.max(...rows.map(({ startMs, durationMs }) => startMs + durationMs));
    const percent = (ms: number): number => (100 * ms) / spanMs;
    await expect
      .poll(() => shownRows(fields))
      .toEqual(
        rows.map(({ path, field, state, source, key, startMs, durationMs }) => ({
          path: path.join('.'),
          field,
          duration: formatMs(durationMs),
          state,
          source,
          key,
          startPercent: expect.closeTo(percent(startMs), 0),
          // A bar is at least three pixels wide.
          widthPercent: expect.closeTo(Math.max(percent(durationMs), 0.8), 0),
        })),
      );
    const fromCache = rows.filter(({ source }) => source === 'cache').length;
    await fields.getByText(`${fromCache} from the cache, ${rows.length - fromCache} from the database`).waitFor();
  }
  expect(await fields.getByText('Cache, Redis').count()).toBe(1);
});

it('copies a command that shows the entry in Redis', async () => {
  const { page, context, server } = await openShop(browser());
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const fields = await showSection(page, 'Fields');
  await run(page, 'Compare');
  const rows = rowsIn(await run(page, 'Compare'));
  const key = rows.find(({ state }) => state === 'hit')?.key ?? '';
  expect(key).toContain(server.namespace);
  const row = fields.getByRole('listitem').last();
  await row.getByRole('button', { name: 'Copy redis-cli command' }).click();
  await expect.poll(() => row.getByRole('status').innerText()).toMatch(/^Copied: redis-cli .* GET /);
  const command = await page.evaluate(() => navigator.clipboard.readText());
  const { stdout } = await exec('/bin/sh', ['-c', command]);
  const redis = new Redis(inject('redisSocketPath'));
  onTestFinished(() => redis.disconnect());
  expect(stdout).toBe(`${await redis.get(key)}\n`);
  expect(stdout).toContain('"field":"Query.categoryStats"');
});

it('copies the key where values are in the memory of the server', async () => {
  const { page, context } = await openShop(browser(), { overrides: { redis: null } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const fields = await showSection(page, 'Fields');
  const [row] = rowsIn(await run(page, 'Compare'));
  await fields.getByRole('button', { name: 'Copy key' }).first().click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(row?.key);
});

it('counts the TTL down until the value has expired in Redis, too', async () => {
  const { page } = await openShop(browser(), { overrides: { ttlMs: 4_000 } });
  const fields = await showSection(page, 'Fields');
  const rows = rowsIn(await run(page, 'Compare'));
  const row = fields.getByRole('listitem').last();
  const seen: string[] = [];
  await expect
    .poll(async () => {
      const text = await row.locator('.cache-panel-field-facts').innerText();
      const [left] = /expires in \d+ s|expired/.exec(text) ?? [];
      if (left !== undefined && left !== seen.at(-1)) seen.push(left);
      return left;
    })
    .toBe('expired');
  // It may have been a busy machine, but the figures have become smaller.
  const seconds = seen.slice(0, -1).map((text) => Number(/\d+/.exec(text)));
  expect(seconds).toEqual(seconds.toSorted((one, other) => other - one));
  const redis = new Redis(inject('redisSocketPath'));
  onTestFinished(() => redis.disconnect());
  expect(await redis.get(rows.at(-1)?.key ?? '')).toBeNull();
});

it('does not begin to count again when a response is shown again', async () => {
  const { page } = await openShop(browser(), { overrides: { ttlMs: 2_000 } });
  const fields = await showSection(page, 'Fields');
  await run(page, 'Compare');
  const last = fields.getByRole('listitem').last();
  await expect.poll(() => last.innerText()).toContain('expired');
  await showTab(page, 'Stats');
  await fields.getByText('Run an operation').waitFor();
  await showTab(page, 'Compare');
  await expect.poll(() => last.innerText()).toContain('expired');
});

it('does not count after a reload, because it is not known when the response arrived', async () => {
  const { page } = await openShop(browser());
  await run(page, 'Compare');
  // GraphiQL stores its tabs half a second later.
  const isStored = (): Promise<boolean> =>
    page.evaluate(() => {
      const responses = JSON.parse(sessionStorage.getItem('cachepot:responses') ?? '{}') as Record<string, string>;
      const tabs = localStorage.getItem('graphiql:tabState') ?? '';
      return Object.entries(responses).some(([id, text]) => text.includes('"fields"') && tabs.includes(id));
    });
  await expect.poll(isStored).toBe(true);
  await page.reload();
  await untilUsable(page);
  const fields = await showSection(page, 'Fields');
  await expect.poll(() => fields.getByRole('listitem').last().innerText()).toContain('1 min to live when it arrived');
});

it('says why a value was not stored, and that rows were omitted', async () => {
  const { page } = await openShop(browser(), { overrides: { schemaOf: oddSchema } });
  const fields = await showSection(page, 'Fields');
  await writeOperation(page, `query Odd { odd ${aliases(120)} }`);
  const rows = rowsIn(await run(page, 'Odd'));
  const reason = rows.find(({ field }) => field === 'Query.odd')?.notStored;
  expect(reason).toContain('Money');
  await fields.getByText(`Not stored: ${reason}`).waitFor();
  expect(rows).toHaveLength(100);
  await fields.getByText('21 more cached fields ran; the server reports the first 100.').waitFor();
});

it('says why a response may have no report', async () => {
  const { page } = await openShop(browser(), { overrides: { hasReport: false } });
  const fields = await showSection(page, 'Fields');
  await run(page, 'Compare');
  await fields.getByText('CACHE_REPORT=off').waitFor();
  expect(await fields.getByText('none of its fields is cached').count()).toBe(1);
});

it('fits a phone', async () => {
  const { page } = await openShop(browser(), { options: phone });
  await page.keyboard.press('Control+Enter');
  await page.locator('.result-window .view-line').first().waitFor();
  await page.getByRole('tab', { name: 'Cache', exact: true }).click();
  const fields = await showSection(page, 'Fields');
  await fields.getByRole('listitem').first().waitFor();
  expect(await isCutOff(page, '.cache-panel-fields')).toBe(false);
});

function isCutOff(page: Page, part: string): Promise<boolean> {
  return page.locator(part).evaluate((element) => {
    const { left, right } = element.getBoundingClientRect();
    const inside = [...element.querySelectorAll('*')].map((child) => child.getBoundingClientRect());
    return inside.some((box) => box.width > 0 && (box.left < left - 1 || box.right > right + 1));
  });
}

function aliases(count: number): string {
  return Array.from({ length: count }, (_, index) => `even${index}: even`).join(' ');
}

/** A cached field whose value has no stored form, and one whose value has. */
function oddSchema({ cache }: { cache: Cache }): GraphQLSchema {
  class Money {
    toString(): string {
      return '12.30';
    }
  }
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
  builder.queryType({
    fields: (t) => ({
      odd: t.string({
        cache: { ttl: '1m', scope: 'public', tags: ['odd'] },
        resolve: () => new Money() as unknown as string,
      }),
      even: t.int({ cache: { ttl: '1m', scope: 'public', tags: ['even'] }, resolve: () => 2 }),
    }),
  });
  return builder.toSchema({ cache: { engine: cache } });
}
