// What spans show of failures, what they never show, and what a faulty SDK does to requests: nothing.
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { NodeTracerProvider, SimpleSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryStore } from '../../src/cache/index.ts';
import { openTelemetryTracer } from '../../src/opentelemetry/index.ts';
import { FaultyStore } from '../cache/store/faulty-store.ts';
import { advanceUntil, age, newNamespace, newWorld, redisClient, settled, type World } from '../cache/world.ts';
import { attributesOf, inSpan, recorder, registerSdk, takeSpans } from './spans.ts';

beforeAll(registerSdk);
beforeEach(() => void takeSpans());

const newTracedWorld = (over: Parameters<typeof newWorld>[0] = 'memory'): Promise<World> =>
  newWorld(over, { tracer: openTelemetryTracer() });

describe('a failed load', () => {
  class RowMissing extends Error {}

  it.each([
    ['the class of its error', new RowMissing('no row for anna@example.com'), 'RowMissing'],
    ['the code of its error', Object.assign(new Error('no 10.0.0.1'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['the type of what it threw', 'anna@example.com', 'string'],
  ])('has the status ERROR and %s, as has the read', async (_, error, type) => {
    const { fetch, source } = await newTracedWorld();
    source.fails(error);
    await expect(inSpan('request', () => fetch())).rejects.toBe(error);
    expect(takeSpans()).toBe(
      ['request', `  cachepot.read Query.field (ERROR ${type})`, `    cachepot.load Query.field (ERROR ${type})`].join(
        '\n',
      ),
    );
  });

  it('whose error requests do not receive leaves the read without an error', async () => {
    const world = await newTracedWorld();
    const call = { ttl: '10m', staleIfError: '1h' } as const;
    await world.fetch(call);
    await age(world, 600_001);
    world.source.fails(new Error('down'));
    takeSpans();
    await inSpan('request', () => world.fetch(call));
    expect(attributesOf('cachepot.read Query.field')).toMatchObject({ 'cachepot.is_fallback': true });
    expect(takeSpans()).toBe(
      ['request', '  cachepot.read Query.field (stale)', '    cachepot.load Query.field (ERROR Error)'].join('\n'),
    );
  });

  it('in the background is an error of its own trace', async () => {
    const world = await newTracedWorld();
    const call = { ttl: '10m', stale: '1h', early: false } as const;
    await world.fetch(call);
    await age(world, 600_001);
    world.source.fails(new Error('down'));
    takeSpans();
    await inSpan('request', () => world.fetch(call));
    await settled(world);
    expect(takeSpans()).toBe(
      [
        'request',
        '  cachepot.read Query.field (stale)',
        'cachepot.reload Query.field (ERROR Error) → cachepot.read Query.field',
        '  cachepot.load Query.field (ERROR Error)',
      ].join('\n'),
    );
  });

  it('that has taken too long ends when requests no longer wait for it', async () => {
    const world = await newTracedWorld();
    const held = world.source.hold();
    const request = inSpan('request', () => world.fetch({ timeout: '10s' }));
    await held.begun;
    world.clock.advance(10_000);
    await expect(request).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' });
    expect(takeSpans()).toContain('cachepot.load Query.field (ERROR LOAD_TIMEOUT)');
    held.give('late');
    await settled(world);
    expect(takeSpans()).toBe('');
  });
});

describe('without the store', () => {
  const newFaultyWorld = async (): Promise<World & { faulty: FaultyStore }> => {
    const faulty = new FaultyStore(createMemoryStore({ namespace: newNamespace() }), ['fill', 'dropTokens', 'remove']);
    return { ...(await newTracedWorld(faulty)), faulty };
  };

  it.each(['failing', 'mute'] as const)(
    'a fill is no error if the store is %s, and does not say that it has stored',
    async (health) => {
      const world = await newFaultyWorld();
      world.faulty.health = health;
      let isOver = false;
      const request = inSpan('request', () => world.fetch()).finally(() => (isOver = true));
      await advanceUntil(world.clock, 100, () => isOver);
      expect(await request).toBe('value');
      expect(attributesOf('cachepot.fill Query.field')).not.toHaveProperty('cachepot.is_stored');
      expect(takeSpans()).not.toContain('ERROR');
      world.faulty.answerAll();
      await settled(world);
    },
  );

  it('an invalidation and a deletion that fail are errors', async () => {
    const { faulty, cache } = await newFaultyWorld();
    faulty.health = 'failing';
    await expect(cache.invalidate(['products'])).rejects.toThrow();
    await expect(cache.delete('Query.field')).rejects.toThrow();
    expect(takeSpans()).toBe(
      ['cachepot.invalidate (ERROR STORE_UNAVAILABLE)', 'cachepot.delete Query.field (ERROR STORE_UNAVAILABLE)'].join(
        '\n',
      ),
    );
  });
});

it('a fill whose lease is lost says that nothing was stored', async () => {
  const { fetch, source, cache } = await newTracedWorld('redis');
  const held = source.hold();
  const request = inSpan('request', () => fetch());
  await held.begun;
  const client = await redisClient();
  expect(await client.del(`{${cache.key({ field: 'Query.field' }).text}}:lease`)).toBe(1);
  held.give('value');
  await request;
  expect(attributesOf('cachepot.fill Query.field')).toMatchObject({ 'cachepot.is_stored': false });
});

it('spans contain neither arguments, viewers, values, tags nor messages of errors', async () => {
  const world = await newTracedWorld();
  const secret = 'anna@example.com';
  const call = { args: { secret }, viewer: secret, vary: { secret }, tags: [`users:${secret}`], refill: true };
  await inSpan('request', async () => {
    world.source.gives({ secret });
    await world.fetch(call);
    await world.fetch(call);
    await world.cache.delete('Query.field', { secret }, { viewer: secret });
    await world.fetch(call);
    await world.cache.invalidate([`users:${secret}`]);
    await settled(world);
    world.source.fails(new Error(secret));
    await world.cache.flush();
    await world.fetch(call).catch(() => {});
  });
  const shown = recorder.begun.map(({ name, attributes, events, links, status }) => {
    return { name, attributes, events, links, status };
  });
  const operations = new Set(shown.map(({ name }) => /^cachepot\.(\w+)/.exec(name)?.[1]));
  expect(operations).toEqual(new Set([undefined, 'read', 'load', 'fill', 'delete', 'invalidate', 'reload']));
  const text = JSON.stringify(shown);
  expect(text).not.toContain('anna');
  const hash = world.cache
    .key({ field: 'Query.field', args: { secret }, viewer: secret, vary: { secret } })
    .text.split(':')
    .at(-1);
  expect(text).not.toContain(hash);
});

describe('a faulty SDK', () => {
  const fault = (): never => {
    throw new Error('the SDK is faulty');
  };
  const quiet = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const faults: readonly (readonly [string, SpanProcessor])[] = [
    ['throws when a span begins', { ...quiet, onStart: fault }],
    ['throws when a span ends', { ...quiet, onEnd: fault }],
    ['has an exporter that throws', new SimpleSpanProcessor({ export: fault, shutdown: async () => {} })],
    [
      'has an exporter that fails',
      new SimpleSpanProcessor({
        export: (_spans, done) => done({ code: 1, error: new Error('the collector is away') }),
        shutdown: async () => {},
      }),
    ],
  ];

  it('whose spans take no links leaves no span open', async () => {
    const world = await newTracedWorld();
    const held = world.source.hold();
    const first = inSpan('first', () => world.fetch());
    await held.begun;
    const second = inSpan('second', () => world.fetch());
    const joining = recorder.begun.findLast(({ name }) => name === 'cachepot.read Query.field');
    Object.assign(joining ?? {}, { addLinks: fault });
    held.give('value');
    expect(await Promise.all([first, second])).toEqual(['value', 'value']);
    expect(takeSpans()).not.toContain('…');
  });

  it.each(faults)('that %s fails neither requests nor invalidations', async (_, processor) => {
    diag.setLogger(
      { ...console, verbose: () => {}, error: () => {} },
      { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
    );
    onTestFinished(() => diag.disable());
    const tracerProvider = new NodeTracerProvider({ spanProcessors: [processor] });
    const { cache, fetch, source } = await newWorld('memory', { tracer: openTelemetryTracer({ tracerProvider }) });
    await inSpan('request', async () => {
      expect(await fetch()).toBe('value');
      expect(await fetch()).toBe('value');
      await cache.invalidate(['products']);
      expect(await cache.delete('Query.field')).toBe(1);
      source.fails(new Error('down'));
      await expect(fetch()).rejects.toThrow('down');
    });
    expect(source.loads).toBe(2);
  });
});
