// Whether ready answers take as much memory as they are told to, about.
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
  ['few tags', '{ few }', 4_000],
  ['a tag for each of a hundred rows', '{ many }', 3_000],
  ['the same under many names', `{ ${times(50, (n) => `a${n}: many`).join(' ')} }`, 130],
])('ready answers hold no more than twice their bytes: %s', async (_, query, count) => {
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
  const ready = new ResponseCache({ engine, bytesMax, hasReport: true });
  const answer = async (text: string): Promise<void> => {
    const args = { schema, document: parse(text), contextValue: {} };
    const repeatable = ready.cacheable(args, await execute(args));
    if (repeatable !== undefined) ready.set(text, repeatable, { contentType: 'application/json', isGet: false });
  };
  for (let again = 0; again < 20; again += 1) await answer(query);
  expect(await ready.get(query)).toBeDefined();
  const before = usedBytes();
  for (let number = 0; number < count; number += 1) await answer(`${query} #${number}`);
  const grown = usedBytes() - before;
  expect(await ready.get(`${query} #${count - 1}`)).toBeDefined();
  expect(grown).toBeLessThan(2 * bytesMax);
});
