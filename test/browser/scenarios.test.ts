import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import SchemaBuilder from '@pothos/core';
import type { Locator, Page } from 'playwright-core';
import { describe, expect, inject, it } from 'vitest';
import { newShop } from '../database/shop-database.ts';
import { createClient, type Client } from '../server/client.ts';
import { startProgram } from '../server/start-program.ts';
import type { Overrides } from '../server/start-server.ts';
import { openConsole, openShop, phone, useBrowser, type OpenedShop } from './open-console.ts';
import { showSection } from './panel-sections.ts';

const browser = useBrowser();
const exec = promisify(execFile);

const names = {
  cold: 'Cold, then warm',
  expiry: 'Expiry',
  write: 'A write invalidates',
  oneLoad: 'One value, 100 times at once',
  redis: 'Redis stops and restarts',
} as const;

async function showScenario(page: Page, name: string): Promise<Locator> {
  await showSection(page, 'Scenarios');
  return page.getByRole('region', { name, exact: true });
}

/** Runs a scenario to its end, and returns what came of it. */
async function play(scenario: Locator): Promise<string> {
  await scenario.getByRole('button', { name: 'Run' }).click();
  await scenario.getByRole('button', { name: 'Run again' }).waitFor();
  return scenario.locator('.cache-panel-scenario-summary').innerText();
}

/** The durations that are shown, with where the values came from. */
function figuresIn(scenario: Locator): Promise<string[]> {
  return scenario.locator('.cache-panel-scenario-figures li').allInnerTexts();
}

interface Counted {
  readonly hits: number;
  readonly misses: number;
  readonly fields: readonly { readonly field: string; readonly loads: number }[];
}

async function statsOf({ ask }: Client): Promise<Counted> {
  const query = '{ cacheStats { hits misses fields { field loads } } }';
  return (await ask<{ cacheStats: Counted }>(query)).data.cacheStats;
}

it('shows a cold and a warm run', async () => {
  const { page, server } = await openShop(browser());
  await server.row('{ topProducts { id } }');
  const scenario = await showScenario(page, names.cold);
  expect(await play(scenario)).toContain('from the cache instead of');
  expect(await figuresIn(scenario)).toEqual([
    expect.stringMatching(/^Cold\s+Miss, database\s+\d/),
    expect.stringMatching(/^Warm\s+Hit, Redis\s+\d/),
  ]);
  await scenario.getByText('1 key removed').waitFor();
  expect(await statsOf(server)).toMatchObject({ hits: 1, misses: 2 });
});

it('waits until a value has expired, and finds that it is loaded again', async () => {
  const { page, server } = await openShop(browser(), { overrides: { ttlMs: 2_500 } });
  const scenario = await showScenario(page, names.expiry);
  const playing = play(scenario);
  await scenario.getByRole('timer').waitFor();
  expect(await scenario.getByRole('timer').innerText()).toMatch(/^[123] s$/);
  expect(await playing).toMatch(/^After [23] s the value had expired, and was loaded again in /);
  expect(await figuresIn(scenario)).toEqual([
    expect.stringMatching(/^Before\s+Miss, database/),
    expect.stringMatching(/^After\s+Miss, database/),
  ]);
  expect(await statsOf(server)).toMatchObject({ hits: 0, misses: 2 });
});

it('can be stopped, and runs alone', async () => {
  const { page, server } = await openShop(browser());
  const expiry = await showScenario(page, names.expiry);
  await expiry.getByRole('button', { name: 'Run' }).click();
  await expiry.getByRole('timer').waitFor();
  const other = page.getByRole('region', { name: names.cold });
  await other.getByRole('button', { disabled: true }).click({ force: true });
  await expiry.getByRole('button', { name: 'Stop' }).click();
  await expiry.getByText('Stopped.').waitFor();
  // The click on the other one has not run it.
  expect(await statsOf(server)).toMatchObject({ hits: 0, misses: 1 });
  expect(await play(other)).toContain('from the cache');
});

it('loads a value once for a hundred requests', async () => {
  const { page, server } = await openShop(browser());
  const scenario = await showScenario(page, names.oneLoad);
  expect(await play(scenario)).toBe('1 load, 99 shared it. The server counted 1 load meanwhile.');
  expect((await statsOf(server)).fields).toEqual([{ field: 'Query.categoryStats', loads: 1 }]);
  expect(server.statements().filter((sql) => sql.includes('avg'))).toHaveLength(1);
});

describe('a write', () => {
  const price = '{ searchProducts(limit: 1) @cache(mode: BYPASS) { price } }';
  const pricesOf = async ({ ask }: Client): Promise<unknown> => (await ask(price)).data['searchProducts'];
  const before = [{ price: '12.99' }];

  async function openOwnShop(overrides: Overrides = {}): Promise<OpenedShop> {
    const { url: databaseUrl } = await newShop({
      categories: [{ id: 1, name: 'Garden' }],
      products: [{ id: 11, category_id: 1, name: 'spade', price: '12.99' }],
    });
    return await openShop(browser(), { overrides: { ...overrides, databaseUrl } });
  }

  it('is followed by a miss that returns the new price, and the old price is restored', async () => {
    const { page, server } = await openOwnShop();
    const scenario = await showScenario(page, names.write);
    const summary = 'The write invalidated the value: the next read was a miss, and returned 13.99.';
    expect(await play(scenario)).toBe(summary);
    await scenario.getByText('12.99 → 13.99').waitFor();
    expect(await figuresIn(scenario)).toEqual([
      expect.stringMatching(/^Before\s+Hit, Redis/),
      expect.stringMatching(/^After the write\s+Miss, database/),
    ]);
    expect(await pricesOf(server)).toEqual(before);
    expect(await play(scenario)).toBe(summary);
  });

  it('is undone when the user stops the scenario', async () => {
    const { page, server } = await openOwnShop();
    const scenario = await showScenario(page, names.write);
    // The read after the write is not answered.
    let isWritten = false;
    await page.route('**/graphql', async (route) => {
      const body = route.request().postData() ?? '';
      if (!isWritten || body.includes('mutation')) await route.continue();
      isWritten ||= body.includes('13.99');
    });
    await scenario.getByRole('button', { name: 'Run' }).click();
    await scenario.getByText('Run the query again').waitFor();
    expect(await pricesOf(server)).toEqual([{ price: '13.99' }]);
    await scenario.getByRole('button', { name: 'Stop' }).click();
    await scenario.getByText('Stopped.').waitFor();
    expect(await pricesOf(server)).toEqual(before);
  });

  it('is sent with the token that the user has entered, and refused without it', async () => {
    const { page, server, problems } = await openOwnShop({ adminToken: 'open-sesame' });
    const scenario = await showScenario(page, names.write);
    await scenario.getByRole('button', { name: 'Run' }).click();
    await expect.poll(() => scenario.getByRole('alert').innerText()).toContain('Authorization: Bearer');
    await page.getByRole('button', { name: 'Headers', exact: true }).click();
    await page.locator('.graphiql-editor-tool .monaco-editor').last().click();
    await page.keyboard.type('{"authorization": "Bearer open-sesame"}');
    await scenario.getByRole('button', { name: 'Run again' }).click();
    await scenario.getByText('The write invalidated the value').waitFor();
    expect(await pricesOf(server)).toEqual(before);
    problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('status of 401')));
  });
});

it('says which part of a load is simulated, and shows the times without it', async () => {
  const { page } = await openShop(browser(), { overrides: { simulateLatency: true } });
  const scenario = await showScenario(page, names.cold);
  await play(scenario);
  await scenario.getByText('Loads include 300 ms of simulated latency.').waitFor();
  const cold = async (): Promise<number> =>
    Number.parseFloat(/([\d.]+) m?s$/.exec((await figuresIn(scenario))[0] ?? '')?.[1] ?? '');
  const withLatency = await cold();
  await scenario.getByRole('switch', { name: 'Without simulated latency' }).check();
  // Times are shown with three digits.
  expect(withLatency - (await cold())).toBeCloseTo(300, -1);
});

it('shows why the server has refused a step', async () => {
  const { page, problems } = await openShop(browser(), { overrides: { adminToken: 'open-sesame' } });
  const scenario = await showScenario(page, names.cold);
  await scenario.getByRole('button', { name: 'Run' }).click();
  await expect.poll(() => scenario.getByRole('alert').innerText()).toContain('Authorization: Bearer');
  problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('status of 401')));
});

it('offers what the schema has, and no Redis to stop if the program has not started it', async () => {
  const { page } = await openShop(browser());
  await showScenario(page, names.cold);
  const headings = page.getByRole('tabpanel').getByRole('heading');
  await expect.poll(() => headings.allInnerTexts()).toEqual([names.cold, names.expiry, names.write, names.oneLoad]);
});

it('offers nothing on a server without the shop’s fields', async () => {
  const { page } = await openShop(browser(), { overrides: { schemaOf: () => booksSchema } });
  const section = await showSection(page, 'Scenarios');
  await expect.poll(() => section.innerText()).toContain('The scenarios use fields of cachepot’s shop');
  expect(await section.getByRole('button').count()).toBe(0);
});

it('fits a phone', async () => {
  const { page } = await openShop(browser(), { options: phone });
  await play(await showScenario(page, names.cold));
  const content = page.locator('.cache-panel-content');
  expect(await content.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
});

describe('the program with its own Redis', () => {
  it('answers all requests while Redis is stopped, and caches again afterwards', async () => {
    const { page, client } = await openProgram();
    const scenario = await showScenario(page, names.redis);
    expect(await play(scenario)).toMatch(/^All 3 requests were answered without Redis, .* was a hit again\.$/);
    const figures = await figuresIn(scenario);
    expect(figures).toHaveLength(5);
    expect(figures.at(-1)).toMatch(/^After the restart\s+Hit/);
    await expect.poll(() => ping(client)).toBe('PONG');
    const live = await showSection(page, 'Live');
    await live.getByText('Redis available again').first().waitFor();
    await live.getByText('Redis unavailable').first().waitFor();
  });

  it('starts Redis again when the user stops the scenario', async () => {
    const { page, client } = await openProgram();
    const scenario = await showScenario(page, names.redis);
    await scenario.getByRole('button', { name: 'Run' }).click();
    await scenario.getByText('Run the query without Redis (1 of 3)').waitFor();
    await scenario.getByRole('button', { name: 'Stop' }).click();
    await scenario.getByText('Stopped.').waitFor();
    await expect.poll(() => ping(client)).toBe('PONG');
  });

  it('starts Redis again when a step fails', async () => {
    const { page, client, problems } = await openProgram();
    const scenario = await showScenario(page, names.redis);
    let isStopped = false;
    await page.route('**/graphql', (route) => {
      const body = route.request().postData() ?? '';
      const fails = isStopped && body.includes('query Scenario');
      isStopped ||= body.includes('stopRedis');
      return fails ? route.abort() : route.continue();
    });
    await scenario.getByRole('button', { name: 'Run' }).click();
    await expect.poll(() => scenario.getByRole('alert').innerText()).toContain('cannot be reached');
    await expect.poll(() => ping(client)).toBe('PONG');
    problems.splice(0, problems.length, ...problems.filter((one) => !one.includes('net::ERR_FAILED')));
  });

  it('starts Redis again when the page is left', async () => {
    const { page, client } = await openProgram();
    const scenario = await showScenario(page, names.redis);
    await scenario.getByRole('button', { name: 'Run' }).click();
    await scenario.getByText('Run the query without Redis (1 of 3)').waitFor();
    await page.goto('about:blank');
    await expect.poll(() => ping(client)).toBe('PONG');
  });

  it('offers to start a Redis that was left stopped', async () => {
    const { page, client } = await openProgram();
    await client.ask('mutation { stopRedis }');
    expect(await ping(client)).toBe('');
    await showSection(page, 'Scenarios');
    await page.getByRole('button', { name: 'Start Redis' }).click();
    await expect.poll(() => ping(client)).toBe('PONG');
    await expect.poll(() => page.getByRole('button', { name: 'Start Redis' }).count()).toBe(0);
  });
});

async function openProgram(): Promise<{ page: Page; client: Client; problems: string[] }> {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl') } });
  await program.isUp();
  return { client: createClient(program.url), ...(await openConsole(browser(), program.url)) };
}

/** What Redis replies to a ping; empty if it does not run. */
async function ping({ ask }: Client): Promise<string> {
  const { data } = await ask<{ console: { redisCli: string } }>('{ console { redisCli } }');
  const command = `${data.console.redisCli} PING`;
  return await exec('/bin/sh', ['-c', command]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}

const builder = new SchemaBuilder<object>({});
builder.queryType({ fields: (t) => ({ books: t.int({ resolve: () => 3 }) }) });
const booksSchema = builder.toSchema();
