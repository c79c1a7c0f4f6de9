// The memory that cached responses really use, compared with the limit of the response cache.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { execute, parse } from 'graphql';
import { expect, it } from 'vitest';
import { ResponseCache } from '../../src/pothos-cache/index.ts';
import { newWorld, times } from '../cache/world.ts';
import { newBuilder } from './world.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function usedBytes(): number {
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it.each([
  ['responses with few tags', '{ few }', 4_000],
  ['responses with a tag for each of 100 rows', '{ many }', 3_000],
  ['responses with one field under 50 aliases', `{ ${times(50, (n) => `a${n}: many`).join(' ')} }`, 130],
])('uses less than twice the limit of the response cache for %s', async (_, query, count) => {
  const bytesMax = 4_000_000;
  const { cache: engine } = await newWorld('redis');
  const builder = newBuilder();
  const policy = { scope: 'public', ttl: '600s' } as const;
  const rows = times(100, (id) => `products:${id}`);
  builder.queryType({
    fields: (t) => ({
      few: t.int({ cache: { ...policy, tags: ['a', 'b', 'c'] }, resolve: () => 1 }),
      many: t.int({ cache: { ...policy, tags: rows }, resolve: () => 1 }),
    }),
  });
  const schema = builder.toSchema({ cache: { engine } });
  const responseCache = new ResponseCache({ engine, bytesMax, hasReport: true });
  const respond = async (text: string): Promise<void> => {
    const args = { schema, document: parse(text), contextValue: {} };
    const cacheable = responseCache.cacheable(args, await execute(args));
    if (cacheable !== undefined) responseCache.set(text, cacheable, { contentType: 'application/json', isGet: false });
  };
  for (let repetition = 0; repetition < 20; repetition += 1) await respond(query);
  expect(await responseCache.get(query)).toBeDefined();
  const before = usedBytes();
  for (let number = 0; number < count; number += 1) await respond(`${query} #${number}`);
  const growthBytes = usedBytes() - before;
  expect(await responseCache.get(`${query} #${count - 1}`)).toBeDefined();
  expect(growthBytes).toBeLessThan(2 * bytesMax);
});
