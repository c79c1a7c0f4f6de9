// Other forms of ready answers, such as compressed ones: made once, kept as long as the answer, and counted with it.
import { execute, parse } from 'graphql';
import { expect, it } from 'vitest';
import { ResponseCache, type CompressedBodies } from '../../src/pothos-cache/index.ts';
import { newWorld } from '../cache/world.ts';
import { newBuilder } from './world.ts';

interface World {
  readonly ready: ResponseCache;
  readonly keep: (request: string) => Promise<void>;
  readonly formsOf: (request: string) => Promise<CompressedBodies>;
}

async function start(bytesMax: number): Promise<World> {
  const { cache: engine } = await newWorld('redis');
  const builder = newBuilder();
  builder.queryType({
    fields: (t) => ({ one: t.int({ cache: { scope: 'public', ttl: '600s' }, resolve: () => 1 }) }),
  });
  const schema = builder.toSchema({ cache: { engine } });
  const ready = new ResponseCache({ engine, bytesMax, hasReport: false });
  const keep = async (request: string): Promise<void> => {
    for (let again = 0; again < 20; again += 1) {
      const args = { schema, document: parse('{ one }'), contextValue: {} };
      const repeatable = ready.cacheable(args, await execute(args));
      if (repeatable !== undefined) ready.set(request, repeatable, { contentType: 'application/json', isGet: false });
    }
  };
  const formsOf: World['formsOf'] = async (request) => {
    const answer = await ready.get(request);
    if (answer === undefined) throw new Error(`${request} is not kept`);
    return answer.forms;
  };
  return { ready, keep, formsOf };
}

it('makes a form once, however many ask for it, and keeps it', async () => {
  const { keep, formsOf } = await start(1_000_000);
  await keep('a');
  const forms = await formsOf('a');
  let made = 0;
  const make = async (): Promise<Buffer> => {
    made += 1;
    return Buffer.from('form');
  };
  const all = await Promise.all([1, 2, 3].map(() => forms.make('br', make)));
  expect(all.map(String)).toEqual(['form', 'form', 'form']);
  expect(String((await formsOf('a')).get('br'))).toBe('form');
  expect((await formsOf('a')).get('gzip')).toBeUndefined();
  expect(made).toBe(1);
});

it('tries again where a form could not be made', async () => {
  const { keep, formsOf } = await start(1_000_000);
  await keep('a');
  const forms = await formsOf('a');
  await expect(forms.make('br', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await forms.make('br', async () => undefined)).toBeUndefined();
  expect(forms.bytes).toBe(0);
  expect(String(await forms.make('br', async () => Buffer.from('form')))).toBe('form');
  expect(forms.bytes).toBe(4);
});

it('counts forms: the answer that was used least recently goes when they take its room', async () => {
  const { ready, keep, formsOf } = await start(20_000);
  await keep('a');
  await keep('b');
  const forms = await formsOf('b');
  expect(await ready.get('a')).toBeDefined();
  await forms.make('gzip', async () => Buffer.alloc(17_500));
  expect([await ready.get('a'), (await formsOf('b')).bytes]).toEqual([undefined, 17_500]);
});

it('leaves an answer alone that was kept anew while a form of the former one was made', async () => {
  const { keep, formsOf } = await start(1_000_000);
  await keep('a');
  const former = await formsOf('a');
  let finish = (): void => {};
  const making = former.make('br', () => new Promise((resolve) => (finish = () => resolve(Buffer.from('former')))));
  await keep('a');
  finish();
  await making;
  expect((await formsOf('a')).get('br')).toBeUndefined();
});
