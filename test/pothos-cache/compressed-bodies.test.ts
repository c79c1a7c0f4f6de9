// Compressed forms of cached responses: created once, kept as long as the response, and counted in its size.
import { execute, parse } from 'graphql';
import { expect, it } from 'vitest';
import { ResponseCache, type CompressedBodies } from '../../src/pothos-cache/index.ts';
import { newWorld } from '../cache/world.ts';
import { newBuilder } from './world.ts';

interface World {
  readonly responseCache: ResponseCache;
  readonly cacheResponse: (request: string) => Promise<void>;
  readonly formsOf: (request: string) => Promise<CompressedBodies>;
}

async function start(bytesMax: number): Promise<World> {
  const { cache: engine } = await newWorld('redis');
  const builder = newBuilder();
  builder.queryType({
    fields: (t) => ({ one: t.int({ cache: { scope: 'public', ttl: '600s' }, resolve: () => 1 }) }),
  });
  const schema = builder.toSchema({ cache: { engine } });
  const responseCache = new ResponseCache({ engine, bytesMax, hasReport: false });
  const cacheResponse = async (request: string): Promise<void> => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const args = { schema, document: parse('{ one }'), contextValue: {} };
      const cacheable = responseCache.cacheable(args, await execute(args));
      if (cacheable !== undefined)
        responseCache.set(request, cacheable, { contentType: 'application/json', isGet: false });
    }
  };
  const formsOf: World['formsOf'] = async (request) => {
    const cached = await responseCache.get(request);
    if (cached === undefined) throw new Error(`${request} is not kept`);
    return cached.forms;
  };
  return { responseCache, cacheResponse, formsOf };
}

it('creates a form once for concurrent calls, and keeps it', async () => {
  const { cacheResponse, formsOf } = await start(1_000_000);
  await cacheResponse('a');
  const forms = await formsOf('a');
  let created = 0;
  const make = async (): Promise<Buffer> => {
    created += 1;
    return Buffer.from('form');
  };
  const all = await Promise.all([1, 2, 3].map(() => forms.make('br', make)));
  expect(all.map(String)).toEqual(['form', 'form', 'form']);
  expect(String((await formsOf('a')).get('br'))).toBe('form');
  expect((await formsOf('a')).get('gzip')).toBeUndefined();
  expect(created).toBe(1);
});

it('creates a form again if the previous call failed or returned undefined', async () => {
  const { cacheResponse, formsOf } = await start(1_000_000);
  await cacheResponse('a');
  const forms = await formsOf('a');
  await expect(forms.make('br', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await forms.make('br', async () => undefined)).toBeUndefined();
  expect(forms.bytes).toBe(0);
  expect(String(await forms.make('br', async () => Buffer.from('form')))).toBe('form');
  expect(forms.bytes).toBe(4);
});

it('counts the size of forms: a new form evicts the least recently used response', async () => {
  const { responseCache, cacheResponse, formsOf } = await start(20_000);
  await cacheResponse('a');
  await cacheResponse('b');
  const forms = await formsOf('b');
  expect(await responseCache.get('a')).toBeDefined();
  await forms.make('gzip', async () => Buffer.alloc(17_500));
  expect([await responseCache.get('a'), (await formsOf('b')).bytes]).toEqual([undefined, 17_500]);
});

it('does not add the form of a replaced response to the response that replaced it', async () => {
  const { cacheResponse, formsOf } = await start(1_000_000);
  await cacheResponse('a');
  const replaced = await formsOf('a');
  let finish = (): void => {};
  const creation = replaced.make('br', () => new Promise((resolve) => (finish = () => resolve(Buffer.from('former')))));
  await cacheResponse('a');
  finish();
  await creation;
  expect((await formsOf('a')).get('br')).toBeUndefined();
});
