// Instances of classes, stored by codecs of the user: a hit equals the miss, and a codec that fails never fails a request.
import { Decimal as PrismaDecimal } from '@prisma/client-runtime-utils';
import { Decimal } from 'decimal.js';
import { DateTime } from 'luxon';
import { describe, expect, it, vi } from 'vitest';
import type { CacheLog, Codec } from '../../../src/cache/index.ts';
import { advanceUntil, newWorld, redisClient, tick, tiers, times, type World } from '../world.ts';

class Money {
  readonly amount: Decimal;
  readonly currency: string;
  readonly #text: string;

  constructor(amount: Decimal, currency: string) {
    this.amount = amount;
    this.currency = currency;
    this.#text = `${amount.toFixed(2)} ${currency}`;
  }

  /** What a scalar would write. */
  toJSON(): string {
    return this.#text;
  }
}

/** Classes as their libraries ship them, and a class with a private field and `toJSON`. */
const decimal: Codec<Decimal, string> = {
  name: 'Decimal',
  test: (value) => value instanceof Decimal,
  encode: (value) => value.toJSON(),
  decode: (text) => new Decimal(text),
};
const prismaDecimal: Codec<PrismaDecimal, string> = {
  name: 'prisma/Decimal',
  test: (value) => value instanceof PrismaDecimal,
  encode: (value) => value.toJSON(),
  decode: (text) => new PrismaDecimal(text),
};
const dateTime: Codec<DateTime, { at: string | null; zone: string | null }> = {
  name: 'DateTime',
  test: (value) => value instanceof DateTime,
  encode: (value) => ({ at: value.toISO(), zone: value.zoneName }),
  decode: ({ at, zone }) => DateTime.fromISO(at ?? '', { zone: zone ?? 'utc' }),
};
const money: Codec<Money, [Decimal, string]> = {
  name: 'Money',
  test: (value) => value instanceof Money,
  encode: ({ amount, currency }) => [amount, currency],
  decode: ([amount, currency]) => new Money(amount, currency),
};
const codecs: readonly Codec[] = [decimal, prismaDecimal, dateTime, money];

const rows = (): unknown => {
  const price = new Decimal('12.50');
  const at = new Date(0);
  const fee = new Money(price, 'EUR');
  return [
    { id: 1, price, again: price, prisma: new PrismaDecimal('1e-30') },
    { at: DateTime.fromISO('2026-11-28T10:00:00', { zone: 'Europe/Madrid' }), money: fee, since: at },
    new Map([[new Money(new Decimal('-0'), 'CHF'), new Set([new Decimal(Number.NaN)])]]),
    { fee, at },
  ];
};

interface Rows {
  0: { price: Decimal; again: Decimal; prisma: PrismaDecimal };
  1: { at: DateTime; money: Money; since: Date };
  2: Map<Money, Set<Decimal>>;
  3: { fee: Money; at: Date };
}

function expectRows(value: unknown): void {
  const [first, second, map, last] = value as [Rows[0], Rows[1], Rows[2], Rows[3]];
  expect(first.price).toBeInstanceOf(Decimal);
  expect(first.price.plus(1).toString()).toBe('13.5');
  expect(first.again).toBe(first.price);
  expect(second.money.amount).toBe(first.price);
  expect(first.prisma).toBeInstanceOf(PrismaDecimal);
  expect(first.prisma.toString()).toBe('1e-30');
  expect(second.at).toBeInstanceOf(DateTime);
  expect(second.at.toString()).toBe('2026-11-28T10:00:00.000+01:00');
  expect(second.at.zoneName).toBe('Europe/Madrid');
  expect(JSON.stringify(second.money)).toBe('"12.50 EUR"');
  const [[key, values] = []] = [...map];
  expect(key).toBeInstanceOf(Money);
  expect(Object.is(key?.amount.toNumber(), -0)).toBe(true);
  expect([...(values ?? [])].map((one) => one.isNaN())).toEqual([true]);
  expect(last.fee).toBe(second.money);
  expect(last.at).toBe(second.since);
  expect(last.at).toEqual(new Date(0));
}

async function coherentWorld(codecsOfWorld: readonly Codec[]): Promise<World> {
  const world = await newWorld('redis', { memoryBytesMax: 10_000_000, codecs: codecsOfWorld });
  const { cache, clock } = world;
  await advanceUntil(clock, 100, () => cache.memory?.isCoherent === true);
  for (const _ of times(3, Number)) await world.fetch({ field: 'Query.other' });
  return world;
}

describe.each(tiers)('on the %s store, a value with instances', (tier) => {
  it('is the same on a miss and on a hit, with its classes and with the identity of its instances', async () => {
    const { outcome, source } = await newWorld(tier, { codecs });
    source.gives(rows());
    for (const state of ['miss', 'hit', 'hit']) {
      const { value, ...how } = await outcome();
      expect(how.state).toBe(state);
      expectRows(value);
    }
    expect(source.loads).toBe(1);
  });

  it('is the same for requests that join its load, each of which receives instances of its own', async () => {
    const { outcome, source } = await newWorld(tier, { codecs });
    const held = source.hold();
    const fetching = times(3, () => outcome());
    await held.begun;
    held.give(rows());
    const all = await Promise.all(fetching);
    for (const { value } of all) expectRows(value);
    expect(all.map(({ state }) => state).toSorted()).toEqual(['miss', 'shared', 'shared']);
    expect(new Set(all.map(({ value }) => (value as Rows)[0].price)).size).toBe(3);
    expect(source.loads).toBe(1);
  });
});

it('a hit in the memory tier has the same instances, and each reader its own', async () => {
  const { outcome, source } = await coherentWorld(codecs);
  source.gives(rows());
  const seen = [];
  for (const _ of times(4, Number)) seen.push(await outcome());
  for (const { value } of seen) expectRows(value);
  expect(seen.map(({ tier }) => tier).slice(2)).toEqual(['memory', 'memory']);
  expect(new Set(seen.map(({ value }) => (value as Rows)[0].price)).size).toBe(4);
});

it('is readable in Redis', async () => {
  const { cache, fetch, source } = await newWorld('redis', { codecs });
  const client = await redisClient();
  source.gives([new Money(new Decimal('12.50'), 'EUR')]);
  await fetch();
  const text = (await client.get(cache.key({ field: 'Query.field' }).text)) ?? '';
  expect(text).toContain('"value":[{"$":"codec","value":["Money",[{"$":"codec","value":["Decimal","12.5"]},"EUR"]]}]');
});

it('`ttl` receives the instances', async () => {
  const { fetch, outcome, source } = await newWorld('memory', { codecs });
  source.gives(new Decimal(30));
  const ttl = (value: unknown): '30s' | null => (value instanceof Decimal && value.eq(30) ? '30s' : null);
  await fetch({ ttl });
  expect(await outcome({ ttl })).toMatchObject({ state: 'hit', ttlMs: 30_000 });
});

describe('`test` of a codec', () => {
  it('is not called for plain data, nor for what is stored without a codec', async () => {
    const test = vi.fn<() => boolean>(() => false);
    const { fetch, source, trace } = await newWorld('memory', { codecs: [{ ...decimal, test }] });
    const plain = [{ a: [1, 'x', null, undefined, 1n], at: new Date(0) }, new Map([[1, new Set([Buffer.from('a')])]])];
    source.gives([...plain, Object.create(null), new Uint8Array(2)]);
    for (const _ of times(2, Number)) await fetch();
    expect(trace.text).toBe('load write miss hit');
    expect(test).not.toHaveBeenCalled();
  });

  it('is called for what has no stored form of its own, and not for proxies', async () => {
    const seen: object[] = [];
    const test = (value: object): boolean => (seen.push(value), false);
    const { fetch, source } = await newWorld('memory', { codecs: [{ ...decimal, test }] });
    const symbols = { [Symbol('brand')]: 1 };
    const values = [new Decimal(1), symbols, Object.assign([1], { next: 2 }), new (class extends Date {})(), /a/];
    for (const [index, value] of [...values, new Proxy(new Decimal(1), {})].entries()) {
      source.gives(value);
      await fetch({ field: `Query.field${index}` });
    }
    expect(seen).toEqual(values);
  });

  it('of several codecs decides in their order, also for a subclass', async () => {
    class Price extends Money {}
    const price: Codec<Price, string> = {
      name: 'Price',
      test: (value) => value instanceof Price,
      encode: ({ amount }) => amount.toJSON(),
      decode: (text) => new Price(new Decimal(text), 'EUR'),
    };
    const classOf = async (order: readonly Codec[]): Promise<unknown> => {
      const { fetch, source } = await newWorld('memory', { codecs: [decimal, ...order] });
      source.gives({ price: new Price(new Decimal(1), 'EUR') });
      await fetch();
      return ((await fetch()) as { price: object }).price.constructor;
    };
    expect(await classOf([price, money])).toBe(Price);
    expect(await classOf([money, price])).toBe(Money);
  });
});

const broken = (part: Partial<Codec>): readonly Codec[] => [{ ...(decimal as Codec), ...part }];
const fails = (): never => {
  throw new TypeError('secret');
};

describe.each(tiers)('on the %s store, a value whose codec fails to encode it', (tier) => {
  it.each<[string, readonly Codec[], string]>([
    ['encode throws', broken({ encode: fails }), 'codec Decimal: encode threw at 0.price'],
    [
      'encode is async',
      broken({ encode: async () => fails() }),
      'codec Decimal: encode must return data, got a promise (await it) at 0.price',
    ],
    [
      'encode returns nothing',
      broken({ encode: () => undefined }),
      'codec Decimal: encode must return data, got undefined at 0.price',
    ],
    [
      'encode returns a function',
      broken({ encode: () => ({ do: () => 1 }) }),
      'function in the data of codec Decimal at 0.price.do',
    ],
    [
      'encode returns an instance without a codec',
      broken({ encode: () => [/a/] }),
      'instance of RegExp in the data of codec Decimal at 0.price.0, which needs a codec (codecs of createCache)',
    ],
    [
      'encode returns the instance',
      broken({ encode: (value) => ({ value }) }),
      'instance in its own data in the data of codec Decimal at 0.price.value',
    ],
    [
      'encode returns ever more instances',
      broken({ encode: () => new Decimal(1) }),
      'value nested deeper than 64 levels in the data of codec Decimal at 0.price',
    ],
    ['test throws', broken({ test: fails }), 'codec Decimal: test threw at 0.price'],
    [
      'test is async',
      broken({ test: (async () => fails()) as unknown as Codec['test'] }),
      'codec Decimal: test must return true or false, got a promise (await it) at 0.price',
    ],
    [
      'test returns a text',
      broken({ test: (() => 'secret') as unknown as Codec['test'] }),
      'codec Decimal: test must return true or false, got string at 0.price',
    ],
  ])('is returned and not stored, and the reason names the codec: %s', async (_fault, codecsOfWorld, reason) => {
    const { outcome, source, trace } = await newWorld(tier, { codecs: codecsOfWorld });
    const value = [{ price: new Decimal(1) }];
    source.gives(value);
    for (const _ of times(2, Number)) {
      const { value: received, notStored } = await outcome();
      expect(received).toBe(value);
      expect(notStored).toBe(reason);
    }
    expect(trace.text).toBe('load write-refused(unencodable) miss load write-refused(unencodable) miss');
  });

  it('reaches each of the requests that wait for it', async () => {
    const { outcome, source } = await newWorld(tier, { codecs: broken({ encode: fails }) });
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : new Decimal(2));
    const fetching = times(3, () => outcome({ load }));
    await held.begun;
    held.give(new Decimal(1));
    const values = (await Promise.all(fetching)).map(({ value }) => String(value));
    expect(values).toEqual(['1', '2', '2']);
  });
});

describe.each(tiers)('on the %s store, a value whose codec fails to decode it', (tier) => {
  /** Two processes that share a namespace, of which the second has other codecs. */
  async function deploy(before: readonly Codec[], after: readonly Codec[]): Promise<World> {
    const old = await newWorld(tier, { codecs: before });
    old.source.gives([{ price: new Decimal(1) }]);
    await old.fetch({ tags: ['products'] });
    const over = tier === 'memory' ? old.store : tier;
    const next = await newWorld(over, { namespace: old.namespace, codecs: after });
    next.source.gives([{ price: new Decimal(2) }]);
    return next;
  }

  it.each<[string, readonly Codec[], string]>([
    ['decode throws', broken({ decode: fails }), 'codec Decimal: decode threw'],
    [
      'decode is async',
      broken({ decode: async () => fails() }),
      'codec Decimal: decode must return a value for which test is true, got a promise (await it)',
    ],
    [
      'decode returns nothing',
      broken({ decode: (() => undefined) as unknown as Codec['decode'] }),
      'codec Decimal: decode must return a value for which test is true, got undefined',
    ],
    [
      'decode returns plain data',
      broken({ decode: () => ({ cents: 100 }) }),
      'codec Decimal: decode must return a value for which test is true, got an object',
    ],
    ['another codec has its name', [{ ...(money as Codec), name: 'Decimal' }], 'codec Decimal: decode threw'],
    ['there is no such codec', [], 'codec Decimal: this cache does not have it'],
  ])('is loaded again: %s', async (_, after, message) => {
    const { fetch, trace } = await deploy([decimal], after);
    expect(String(((await fetch({ tags: ['products'] })) as [{ price: Decimal }])[0].price)).toBe('2');
    expect(trace.text).toMatch(
      /^decode-failed entry-rejected\(corrupt\) load (write|write-refused\(unencodable\)) miss$/,
    );
    expect(trace.events[0]).toMatchObject({ codec: 'Decimal', error: { code: 'CORRUPT_ENTRY', message } });
  });

  it('is repaired: the next request receives the new value from the cache', async () => {
    const { fetch, outcome } = await deploy([decimal], [{ ...decimal, name: 'decimal/2' }]);
    await fetch({ tags: ['products'] });
    const { value, state } = await outcome({ tags: ['products'] });
    expect([String((value as [{ price: Decimal }])[0].price), state]).toEqual(['2', 'hit']);
  });

  it('reaches the requests that join its load as values of their own', async () => {
    const { outcome, source, trace } = await newWorld(tier, { codecs: broken({ decode: fails }) });
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : new Decimal(2));
    const fetching = times(3, () => outcome({ load }));
    await held.begun;
    held.give(new Decimal(1));
    expect((await Promise.all(fetching)).map(({ value }) => String(value))).toEqual(['1', '2', '2']);
    expect(trace.count('load-failed')).toBe(0);
  });
});

describe('a codec that fails now and then', () => {
  const moody = (): { codec: Codec<Decimal, string>; fail: (part: 'encode' | 'decode' | undefined) => void } => {
    let failing: string | undefined;
    const codec: Codec<Decimal, string> = {
      ...decimal,
      encode: (value) => (failing === 'encode' ? fails() : decimal.encode(value)),
      decode: (text) => (failing === 'decode' ? fails() : decimal.decode(text)),
    };
    return { codec, fail: (part) => (failing = part) };
  };

  it('makes a value of the memory tier be loaded again', async () => {
    const { codec, fail } = moody();
    const { outcome, source, trace } = await coherentWorld([codec]);
    source.gives(new Decimal(1));
    for (const _ of times(3, Number)) await outcome();
    expect((await outcome()).tier).toBe('memory');
    trace.take();
    fail('decode');
    expect(String((await outcome()).value)).toBe('1');
    expect(trace.take()).toBe('decode-failed×2 entry-rejected(corrupt) load write miss');
    fail(undefined);
    await tick();
    expect(await outcome()).toMatchObject({ state: 'hit', tier: 'redis' });
  });

  it.each([1, 2])('reaches requests that join a load, if it decodes only %i times', async (decodesMax) => {
    let decodes = 0;
    const decode = (text: string): Decimal => ((decodes += 1) > decodesMax ? fails() : new Decimal(text));
    const { fetch, source } = await newWorld('memory', { codecs: [{ ...decimal, decode }] });
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : new Decimal(2));
    const fetching = times(4, () => fetch({ load }));
    await held.begun;
    held.give(new Decimal(1));
    const values = (await Promise.all(fetching)).map(String);
    expect(values).toEqual(['1', ...times(decodesMax - 1, () => '1'), ...times(4 - decodesMax, () => '2')]);
  });

  it('does not keep a value in the memory tier that it cannot encode again', async () => {
    const { codec, fail } = moody();
    const { outcome, source } = await coherentWorld([codec]);
    source.gives(new Decimal(1));
    await outcome();
    fail('encode');
    for (const _ of times(3, Number)) {
      const { value, tier } = await outcome();
      expect([String(value), tier]).toEqual(['1', 'redis']);
    }
  });
});

describe('an instance as an argument', () => {
  const at = (price: unknown): { args: { filter: unknown } } => ({ args: { filter: [{ price }] } });

  it('is part of the key as its data, and of `delete`; the entry shows the data', async () => {
    const { cache, fetch, outcome, source } = await newWorld('redis', { codecs });
    const client = await redisClient();
    source.gives('cheap');
    await fetch(at(new Decimal('1.50')));
    expect(await outcome(at(new Decimal('1.5')))).toMatchObject({ state: 'hit' });
    for (const other of [new Decimal(2), '1.5', new PrismaDecimal('1.5'), { Decimal: '1.5' }, ['Decimal', '1.5']])
      expect(await outcome(at(other))).toMatchObject({ state: 'miss' });
    const key = cache.key({ field: 'Query.field', ...at(new Decimal('1.5')) });
    expect(JSON.parse((await client.get(key.text)) ?? '')).toMatchObject({ args: { filter: [{ price: '1.5' }] } });
    expect(await cache.delete('Query.field', at(new Decimal('1.5')).args)).toBe(1);
    expect(await outcome(at(new Decimal('1.5')))).toMatchObject({ state: 'miss' });
  });

  it.each<[string, readonly Codec[], unknown, string]>([
    [
      'without a codec',
      [],
      new Decimal(1),
      'must be JSON, bigint, Date, bytes or instances with a codec to make a key, got an instance of Decimal',
    ],
    [
      'whose codec fails',
      broken({ encode: fails }),
      new Decimal(1),
      'Query.field: arguments: codec Decimal: encode threw',
    ],
    ['in a proxy', codecs, new Proxy(new Decimal(1), {}), 'got an instance of Decimal'],
    ['with endless data', broken({ encode: () => new Decimal(1) }), new Decimal(1), 'got nested deeper than 64 levels'],
  ])('is rejected %s', async (_, codecsOfWorld, price, message) => {
    const { cache } = await newWorld('memory', { codecs: codecsOfWorld });
    const keyOf = (): unknown => cache.key({ field: 'Query.field', ...at(price) });
    expect(keyOf).toThrow(message);
    expect(keyOf).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }));
  });
});

describe('the log', () => {
  it('says what a codec threw and where, and repeats no values', async () => {
    const lines: string[] = [];
    const log: CacheLog = { warn: (_, message) => void lines.push(message), info: () => {} };
    const old = await newWorld('redis', { codecs: [decimal] });
    old.source.gives([new Decimal(1)]);
    await old.fetch();
    const next = await newWorld('redis', {
      namespace: old.namespace,
      log,
      codecs: broken({ encode: fails, decode: fails }),
    });
    next.source.gives([new Decimal(1)]);
    await next.fetch();
    const place = String.raw`TypeError at \S+class-codecs\.test\.ts:\d+`;
    expect(lines).toEqual([
      expect.stringMatching(
        `^codec Decimal: decode threw ${place}: values that it has encoded are loaded again. A codec whose data changes needs another name.$`,
      ),
      expect.stringMatching(
        `^Query.field: answered, not stored: codec Decimal: encode threw at 0, threw ${place}. Return plain data`,
      ),
    ]);
  });

  it('does not repeat the name of a codec that another program has written', async () => {
    const { cache, fetch, source, trace } = await newWorld('redis', { codecs });
    const client = await redisClient();
    source.gives([new Decimal(1)]);
    await fetch();
    const { text: key } = cache.key({ field: 'Query.field' });
    const good = (await client.get(key)) ?? '';
    await client.set(key, good.replace('"Decimal"', '"<script>"'), 'PX', 60_000);
    trace.take();
    await fetch();
    expect(trace.events[0]).toMatchObject({
      codec: 'with an invalid name',
      error: { message: 'codec with an invalid name: this cache does not have it' },
    });
  });
});
