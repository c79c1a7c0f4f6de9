// Codecs of objects and lists that look like plain data, and have more than text expresses: symbol keys, properties of a list.
import { describe, expect, it } from 'vitest';
import type { Codec } from '../../../src/cache/index.ts';
import { call, differencesIn, passGrace, resultsOf } from '../shadow-world.ts';
import { advanceUntil, newWorld, settled, tick, times } from '../world.ts';

const unit = Symbol('unit');

interface Amount {
  readonly cents: number;
  readonly [unit]: { name: string };
}
const amount = (cents: number, name: string): Amount => ({ cents, [unit]: { name } });
const amountCodec: Codec<Amount, [number, string]> = {
  name: 'Amount',
  test: (value) => Object.hasOwn(value, unit),
  encode: (value) => [value.cents, value[unit].name],
  decode: ([cents, name]) => amount(cents, name),
};

interface Page extends Array<number> {
  next: string;
}
const page = (items: number[], next: string): Page => Object.assign(items, { next });
const pageCodec: Codec<Page, { items: number[]; next: string }> = {
  name: 'Page',
  test: (value) => Array.isArray(value) && 'next' in value,
  encode: (value) => ({ items: [...value], next: value.next }),
  decode: ({ items, next }) => page(items, next),
};

class Tuple extends Array<number> {
  unit = 'EUR';
}
const tuple = (...[name, item]: [string, number]): Tuple => Object.assign(Tuple.of(item) as Tuple, { unit: name });
const tupleCodec: Codec<Tuple, [string, number]> = {
  name: 'Tuple',
  test: (value) => value instanceof Tuple,
  encode: (value) => [value.unit, value[0] ?? 0],
  decode: ([name, item]) => tuple(name, item),
};
const zoned = (zone: string): Date & { zone: string } => Object.assign(new Date(0), { zone });
const zonedCodec: Codec<Date & { zone: string }, string> = {
  name: 'Zoned',
  test: (value) => 'zone' in value,
  encode: ({ zone }) => zone,
  decode: zoned,
};
const codecs = [amountCodec, pageCodec, tupleCodec, zonedCodec] as readonly unknown[] as readonly Codec[];

describe('each reader receives objects of its own', () => {
  /** The reader changes what it has received. */
  const change = (value: unknown): void => {
    const [{ [unit]: of }, pages] = value as [Amount, Page];
    of.name = 'changed';
    pages.next = 'changed';
  };
  const value = (): unknown => [amount(1, 'EUR'), page([1], 'b')];

  it('from the memory tier', async () => {
    const { cache, clock, outcome, source } = await newWorld('redis', { memoryBytesMax: 10_000_000, codecs });
    await advanceUntil(clock, 100, () => cache.memory?.isCoherent === true);
    source.gives(value());
    for (const _ of times(3, Number)) {
      await tick();
      await outcome();
    }
    for (const _ of times(2, Number)) {
      const read = await outcome();
      expect(read.tier).toBe('memory');
      expect(read.value).toEqual(value());
      change(read.value);
    }
  });

  it('from a load that they join', async () => {
    const { fetch, source } = await newWorld('memory', { codecs });
    const held = source.hold();
    const fetching = times(3, () => fetch());
    await held.begun;
    held.give(value());
    for (const joined of (await Promise.all(fetching)).slice(1)) {
      expect(joined).toEqual(value());
      change(joined);
    }
  });
});

it.each([
  ['symbol keys', amount(1, 'EUR'), amount(1, 'USD')],
  ['properties of a list', page([1], 'b'), page([1], 'c')],
  ['properties of an instance of a subclass of Array', tuple('EUR', 1), tuple('USD', 1)],
  ['properties of a Date', zoned('utc'), zoned('Europe/Madrid')],
])('two arguments that differ in %s have two keys', async (_, one, other) => {
  const { cache } = await newWorld('memory', { codecs });
  const keyOf = (value: unknown): string => cache.key({ field: 'Query.field', args: { value } }).text;
  expect(keyOf(one)).not.toBe(keyOf(other));
});

it.each([
  ['symbol keys', amount(1, 'EUR'), amount(1, 'USD'), '1'],
  ['properties of a list', page([1], 'b'), page([1], 'c'), 'next'],
  ['properties of a Date', zoned('utc'), zoned('Europe/Madrid'), ''],
])('a shadow check notices a difference in %s', async (_, one, other, path) => {
  const world = await newWorld('memory', { codecs });
  world.source.gives(one);
  await world.fetch(call);
  world.source.gives(other);
  await world.fetch(call);
  await passGrace(world);
  await passGrace(world);
  await settled(world);
  expect(resultsOf(world)).toEqual(['different']);
  expect(differencesIn(world)[0]?.paths).toEqual([path]);
});
