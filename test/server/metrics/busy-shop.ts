// The built program with all of its parts, after requests of every kind.
import { expect } from 'vitest';
import { createClient, type Client } from '../client.ts';
import { startProgram } from '../start-program.ts';

export interface BusyShop {
  readonly url: string;
  /** What it exposes to Prometheus. */
  metrics(): Promise<string>;
}

/** The embedded PostgreSQL has a change feed, and the private Redis a memory tier. */
export async function startBusyShop(): Promise<BusyShop> {
  const program = await startProgram({ env: { LOADS_AT_ONCE: '4', WARM_UP: 'on', CDN_TAGS: 'on' } });
  await program.isUp();
  const client = createClient(program.url);
  await expect.poll(async () => (await client.get('/readyz')).status).toBe(200);
  await sendOneOfEachKind(client);
  return { url: program.url, metrics: async () => (await client.get('/metrics')).text };
}

async function sendOneOfEachKind({ ask, get }: Client): Promise<void> {
  const cachedQuery = '{ categoryStats { id } }';
  const byGet = `/graphql?query=${encodeURIComponent(cachedQuery)}`;
  for (let times = 0; times < 4; times += 1) {
    await ask(cachedQuery);
    await ask('{ searchProducts(q: "steel") { id } cacheStats { hits } }');
    const { headers } = await get(byGet, { accept: 'application/json' });
    await get(byGet, { accept: 'application/json', 'if-none-match': headers.get('etag') ?? '' });
  }
  await ask('{ categoryStats @cache(mode: BYPASS) { id } }');
  await ask('{ categoryStats @cache(mode: REFRESH) { id } }');
  await ask('{ nothing }');
  await get('/nowhere');
  await get('/graphql', { accept: 'text/html' });
  const { errors } = await ask('mutation { updateProduct(id: 1, input: { stock: 1 }) { __typename } }');
  expect(errors).toEqual([]);
  await ask(cachedQuery);
}
