// Instances of classes among the properties that are stored apart: each is encoded and decoded alone.
import { Decimal } from 'decimal.js';
import { describe, expect, it } from 'vitest';
import type { Codec } from '../../src/cache/index.ts';
import { advanceUntil, newWorld, redisClient, tiers, type FetchCall, type World } from './world.ts';

const call: FetchCall = { fields: true };
const of = { field: 'Query.field', args: {} };
const decimal: Codec<Decimal, string> = {
  name: 'Decimal',
  test: (value) => value instanceof Decimal,
  encode: (value) => value.toJSON(),
  decode: (text) => new Decimal(text),
};

interface Product {
  readonly name: string;
  readonly price: Decimal;
  readonly stock: number;
}

const product = (): Product => ({ name: 'Kestrel', price: new Decimal('74.99'), stock: 12 });

/** A codec that fails on demand. */
function fragile(): { codec: Codec<Decimal, string>; faults: { decode: boolean } } {
  const faults = { decode: false };
  const decode = (text: string): Decimal => {
    if (faults.decode) throw new TypeError('secret');
    return new Decimal(text);
  };
  return { codec: { ...decimal, decode }, faults };
}

describe.each(tiers)('on the %s store', (tier) => {
  it('a property is an instance again: whole, alone, and beside others', async () => {
    const { fetch, outcome, source } = await newWorld(tier, { codecs: [decimal] });
    source.gives(product());
    await fetch(call);
    for (const only of [undefined, ['price'], ['stock', 'price']]) {
      const { value, state } = await outcome({ ...call, only });
      expect(state).toBe('hit');
      expect((value as Product).price).toBeInstanceOf(Decimal);
      expect(Object.keys(value as object)).toEqual(only ?? ['name', 'price', 'stock']);
      expect((value as Product).price.plus(1).toString()).toBe('75.99');
    }
  });

  it('a property is replaced by an instance', async () => {
    const { cache, fetch, outcome, source } = await newWorld(tier, { codecs: [decimal] });
    source.gives({ ...product(), price: null });
    await fetch(call);
    expect(await cache.replaceField(of, 'price', new Decimal('0.1'))).toBe(true);
    const { value, state } = await outcome({ ...call, only: ['price'] });
    expect(state).toBe('hit');
    expect((value as Product).price).toEqual(new Decimal('0.1'));
  });

  it('an instance that occurs twice is one instance in a hit: the value is stored as one text', async () => {
    const { fetch, outcome, source } = await newWorld(tier, { codecs: [decimal] });
    const price = new Decimal(1);
    source.gives({ price, again: price });
    await fetch(call);
    const { value, state } = await outcome({ ...call, only: ['price', 'again'] });
    expect(state).toBe('hit');
    const { again } = value as { price: Decimal; again: Decimal };
    expect((value as Product).price).toBe(again);
  });

  it('an object that a codec encodes as a whole has no properties apart', async () => {
    const brand = Symbol('brand');
    const branded: Codec<object, string> = {
      name: 'branded',
      test: (value) => brand in value,
      encode: (value) => (value as { name: string }).name,
      decode: (name) => ({ name, [brand]: true }),
    };
    const { fetch, outcome, source } = await newWorld(tier, { codecs: [branded] });
    source.gives({ name: 'Kestrel', [brand]: true });
    await fetch(call);
    expect(await outcome(call)).toMatchObject({ state: 'hit', value: { name: 'Kestrel', [brand]: true } });
  });

  it('a codec that fails to decode a property is a miss that repairs it; other properties are still read', async () => {
    const { codec, faults } = fragile();
    const { fetch, outcome, source, trace } = await newWorld(tier, { codecs: [codec] });
    source.gives(product());
    await fetch(call);
    faults.decode = true;
    expect(await outcome({ ...call, only: ['stock'] })).toMatchObject({ state: 'hit', value: { stock: 12 } });
    trace.take();
    source.gives({ ...product(), price: '74.99' });
    const repaired = await outcome({ ...call, only: ['price'] });
    expect(repaired).toMatchObject({ state: 'miss', value: { price: '74.99' } });
    expect(trace.take()).toBe('decode-failed entry-rejected(corrupt) load write miss');
    expect(await outcome({ ...call, only: ['price'] })).toMatchObject({ state: 'hit', value: { price: '74.99' } });
  });

  it('a property without a codec is not replaced, and the error names the class', async () => {
    const { cache, fetch, outcome, source } = await newWorld(tier);
    source.gives({ price: '74.99' });
    await fetch(call);
    const replacing = cache.replaceField(of, 'price', new Decimal(1));
    await expect(replacing).rejects.toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
    expect(await outcome(call)).toMatchObject({ state: 'hit', value: { price: '74.99' } });
  });
});

it('the memory of a process keeps instances: each caller has its own', async () => {
  const world = await newWorld('redis', { codecs: [decimal], memoryBytesMax: 1_000_000 });
  const { cache, clock, fetch, outcome, source } = world;
  await advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);
  source.gives(product());
  await fetch(call);
  const only = ['price', 'stock'];
  await fetch({ ...call, only });
  const [first, second] = [await outcome({ ...call, only }), await outcome({ ...call, only: ['price'] })];
  for (const { tier, value } of [first, second]) {
    expect(tier).toBe('memory');
    expect((value as Product).price).toEqual(new Decimal('74.99'));
  }
  expect((first.value as Product).price).not.toBe((second.value as Product).price);
});

describe('a process without the codec', () => {
  const newPair = async (): Promise<{ knowing: World; without: World }> => {
    const knowing = await newWorld('redis', { codecs: [decimal] });
    const without = await newWorld('redis', { namespace: knowing.namespace });
    knowing.source.gives(product());
    await knowing.fetch(call);
    return { knowing, without };
  };

  it('reads the properties that it understands, and loads if it needs the other one', async () => {
    const { without } = await newPair();
    expect(await without.outcome({ ...call, only: ['name'] })).toMatchObject({
      state: 'hit',
      value: { name: 'Kestrel' },
    });
    without.source.gives({ price: 'as text' });
    for (const state of ['miss', 'hit'])
      expect(await without.outcome({ ...call, only: ['price'] })).toMatchObject({ state, value: { price: 'as text' } });
  });

  it('replaces a property that it understands, and keeps the other one for processes with the codec', async () => {
    const { knowing, without } = await newPair();
    expect(await without.cache.replaceField(of, 'stock', 11)).toBe(true);
    const { value, state } = await knowing.outcome(call);
    expect(state).toBe('hit');
    expect(value).toEqual({ ...product(), stock: 11 });
  });

  it('loads if a codec is unknown that another program has written', async () => {
    const { knowing, without } = await newPair();
    const client = await redisClient();
    const hash = `{${knowing.cache.key(of).text}}:fields`;
    await client.hset(hash, 'price', '{"$":"codec","value":["of another program",1]}');
    for (const [world, state] of [
      [without, 'miss'],
      [knowing, 'hit'],
    ] as const) {
      world.source.gives({ price: 1 });
      expect(await world.outcome({ ...call, only: ['price'] })).toMatchObject({ state, value: { price: 1 } });
    }
  });
});
