import { Redis } from 'ioredis';
import type { Locator, Page } from 'playwright-core';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { RunningServer } from '../server/start-server.ts';
import { startTestRedis } from '../support/redis.ts';
import { writeHeaders } from './editor-text.ts';
import { openShop, phone, useBrowser } from './open-console.ts';

const browser = useBrowser();

interface Stats {
  readonly cacheStats: { readonly hitRate: number; readonly keys: number; readonly memoryUsed: number };
}

async function statsOf(server: RunningServer): Promise<Stats['cacheStats']> {
  return (await server.ask<Stats>('{ cacheStats { hitRate keys memoryUsed } }')).data.cacheStats;
}

function barOf(page: Page): Locator {
  return page.getByRole('region', { name: 'Cache statistics' });
}

/** The figures of the bar, by their names. */
function figuresIn(bar: Locator): Promise<Record<string, string>> {
  return bar
    .locator('dl > div')
    .evaluateAll((items) =>
      Object.fromEntries(items.map((item) => [...item.children].map((child) => child.textContent ?? ''))),
    );
}

/** The keys of values, as Redis has them. */
async function valuesOf({ namespace }: RunningServer): Promise<string[]> {
  const redis = new Redis(inject('redisSocketPath'));
  try {
    const keys = await redis.keys(`${namespace}:*`);
    return keys.filter((key) => !key.startsWith(`${namespace}:tag:`));
  } finally {
    redis.disconnect();
  }
}

it('shows the figures of cacheStats, in numbers for people', async () => {
  const { page, server } = await openShop(browser());
  const bar = barOf(page);
  await expect.poll(() => figuresIn(bar)).toMatchObject({ 'Hit rate': '–', Keys: '0', Redis: 'available' });
  // Of three requests of the cached field, two are hits: 66.66666666666667 %.
  for (let round = 0; round < 3; round += 1) await server.row('{ categoryStats { id } }');
  await server.row('{ topProducts { id } }');
  await server.row('{ topProducts { id } }');
  await expect
    .poll(async () => {
      const [shown, { hitRate, keys, memoryUsed }] = [await figuresIn(bar), await statsOf(server)];
      return {
        hitRate: shown['Hit rate'] === `${hitRate.toFixed(1)} %`,
        keys: shown['Keys'] === String(keys),
        memory: Math.abs(Number.parseFloat(shown['Memory'] ?? '') - memoryUsed / 1_048_576) < 0.5,
      };
    })
    .toEqual({ hitRate: true, keys: true, memory: true });
  await expect.poll(() => figuresIn(bar)).toMatchObject({ 'Hit rate': '60.0 %', Keys: '2' });
  expect((await figuresIn(bar))['Memory']).toMatch(/^\d+\.\d MiB$/);
  expect(await bar.innerText()).not.toMatch(/\d\.\d\d/);
});

it('empties the cache, and tells how many keys were removed', async () => {
  const { page, server } = await openShop(browser());
  await server.row('{ categoryStats { id } }');
  await server.row('{ topProducts { id } }');
  expect(await valuesOf(server)).toHaveLength(2);
  const bar = barOf(page);
  await bar.getByRole('button', { name: 'Flush' }).click();
  await expect.poll(() => bar.getByRole('status').innerText()).toBe('2 keys removed');
  expect(await valuesOf(server)).toEqual([]);
  await expect.poll(() => figuresIn(bar)).toMatchObject({ Keys: '0' });
});

it('shows why the server refuses to empty the cache, until the header that it asks for is there', async () => {
  const { page, problems } = await openShop(browser(), { overrides: { adminToken: 'open-sesame' } });
  const bar = barOf(page);
  await bar.getByRole('button', { name: 'Flush' }).click();
  await expect.poll(() => bar.getByRole('alert').innerText()).toContain('Authorization: Bearer <ADMIN_TOKEN>');
  await writeHeaders(page, '{ "authorization": "Bearer open-sesame" }');
  await bar.getByRole('button', { name: 'Flush' }).click();
  await expect.poll(() => bar.getByRole('status').innerText()).toBe('0 keys removed');
  // The browser itself logs the response with status 401.
  problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('status of 401')));
});

it('says that Redis is unavailable, and that it is available again', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const { page } = await openShop(browser(), { overrides: { redis: redis.socketPath } });
  const bar = barOf(page);
  await expect.poll(() => figuresIn(bar)).toMatchObject({ Redis: 'available', Keys: '0' });
  redis.kill('SIGKILL');
  await expect.poll(() => figuresIn(bar)).toMatchObject({ Keys: '–', Memory: '–' });
  expect((await figuresIn(bar))['Redis']).toMatch(/unavailable|circuit open/);
  await redis.restart();
  await expect.poll(() => figuresIn(bar)).toMatchObject({ Redis: 'available', Keys: '0' });
});

it('names the memory of the process where values are stored there', async () => {
  const { page } = await openShop(browser(), { overrides: { redis: null } });
  await expect.poll(() => figuresIn(barOf(page))).toMatchObject({ Memory: '0 KiB', 'Memory store': 'available' });
});

it('fits a phone, also with what came of the button', async () => {
  const { page, server } = await openShop(browser(), { options: phone });
  const bar = barOf(page);
  await server.row('{ categoryStats { id } }');
  await bar.getByRole('button', { name: 'Flush' }).click();
  await bar.getByText('1 key removed').waitFor();
  const outside = await bar.evaluate((element) =>
    [...element.querySelectorAll('*')].filter((child) => child.getBoundingClientRect().right > window.innerWidth),
  );
  expect(outside).toHaveLength(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect((await bar.boundingBox())?.height).toBeLessThan(90);
});
