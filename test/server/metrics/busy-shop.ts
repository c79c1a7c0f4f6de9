// The built program with all of its parts, after requests of every kind.
import { expect } from 'vitest';
import { createClient } from '../client.ts';
import { startProgram } from '../start-program.ts';

export interface BusyShop {
  readonly url: string;
  /** Sends one request of each kind. */
  work(): Promise<void>;
  /** What it exposes to Prometheus. */
  metrics(): Promise<string>;
}

const cachedQuery = '{ categoryStats { id } }';

/** The embedded PostgreSQL has a change feed, and the private Redis a memory tier. */
export async function startBusyShop(): Promise<BusyShop> {
  const program = await startProgram({ env: { LOADS_AT_ONCE: '4', WARM_UP: 'on' } });
  await program.isUp();
  const client = createClient(program.url);
  await expect.poll(async () => (await client.get('/readyz')).status).toBe(200);
  let changes = 0;
  const work = async (): Promise<void> => {
    const byGet = `/graphql?query=${encodeURIComponent(cachedQuery)}`;
    for (let times = 0; times < 4; times += 1) {
      await client.ask(cachedQuery);
      await client.ask('{ searchProducts(q: "steel") { id } cacheStats { hits } }');
      const { headers } = await client.get(byGet, { accept: 'application/json' });
      await client.get(byGet, { accept: 'application/json', 'if-none-match': headers.get('etag') ?? '' });
    }
    await client.ask('{ categoryStats @cache(mode: BYPASS) { id } }');
    await client.ask('{ categoryStats @cache(mode: REFRESH) { id } }');
    await client.ask('{ nothing }');
    await client.get('/nowhere');
    await client.get('/graphql', { accept: 'text/html' });
    changes += 1;
    const document = 'mutation ($input: UpdateProductInput!) { updateProduct(id: 1, input: $input) { __typename } }';
    const { errors } = await client.ask(document, { input: { stock: changes } });
    expect(errors).toEqual([]);
    await client.ask(cachedQuery);
  };
  await work();
  return { url: program.url, work, metrics: async () => (await client.get('/metrics')).text };
}
