// What a cache does, as spans of OpenTelemetry, with its SDK.
import { readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntryRef, Outcome } from '../../src/cache/index.ts';
import { openTelemetryTracer } from '../../src/opentelemetry/index.ts';
import { JoinedLoads } from '../../src/opentelemetry/joined-loads.ts';
import {
  advanceUntil,
  age,
  newNamespace,
  newWorld,
  settled,
  tiers,
  type FetchCall,
  type World,
} from '../cache/world.ts';
import { attributesOf, inSpan, recorder, registerSdk, takeSpans, unsampled } from './spans.ts';

beforeAll(registerSdk);
beforeEach(() => void takeSpans());

const products: FetchCall = { tags: ['products'] };

it('are those of the instrumentation scope cachepot, with the version of the package', async () => {
  const file = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(file) as { version: string };
  const { fetch } = await newWorld('memory', { tracer: openTelemetryTracer() });
  await fetch();
  const load = recorder.begun.find(({ name }) => name === 'cachepot.load Query.field');
  expect(load?.instrumentationScope).toMatchObject({ name: 'cachepot', version });
});

describe.each(tiers)('on the %s store', (tier) => {
  const newTracedWorld = (): Promise<World> => newWorld(tier, { tracer: openTelemetryTracer() });

  it('a miss is a read, in which a load and a fill follow each other', async () => {
    const { fetch } = await newTracedWorld();
    await inSpan('request', () => fetch(products));
    expect(attributesOf('cachepot.read Query.field')).toEqual({
      'cachepot.field': 'Query.field',
      'cachepot.state': 'miss',
    });
    expect(attributesOf('cachepot.load Query.field')).toEqual({ 'cachepot.field': 'Query.field' });
    expect(attributesOf('cachepot.fill Query.field')).toEqual({
      'cachepot.field': 'Query.field',
      'cachepot.tag_count': 2, // `*` is the other one
      'cachepot.ttl_ms': 60_000,
      'cachepot.text_chars': expect.any(Number),
      'cachepot.is_stored': true,
    });
    expect(takeSpans()).toBe(
      [
        'request',
        '  cachepot.read Query.field (miss)',
        '    cachepot.load Query.field',
        '    cachepot.fill Query.field',
      ].join('\n'),
    );
  });

  it('a hit is a read, with where the value was found and how old it is', async () => {
    const world = await newTracedWorld();
    await world.fetch(products);
    await age(world, 1_500);
    takeSpans();
    await inSpan('request', () => world.fetch(products));
    const { 'cachepot.age_ms': ageMs, ...others } = attributesOf('cachepot.read Query.field') ?? {};
    expect(others).toEqual({ 'cachepot.field': 'Query.field', 'cachepot.state': 'hit', 'cachepot.tier': tier });
    expect(ageMs).toBeGreaterThanOrEqual(1_500);
    expect(takeSpans()).toBe('request\n  cachepot.read Query.field (hit)');
  });

  it.each(['bypass', 'refresh'] as const)('in the mode %s, a read has a load', async (mode) => {
    const { fetch } = await newTracedWorld();
    await inSpan('request', () => fetch({ mode }));
    const fill = mode === 'refresh' ? ['    cachepot.fill Query.field'] : [];
    expect(takeSpans()).toBe(
      ['request', `  cachepot.read Query.field (${mode})`, '    cachepot.load Query.field', ...fill].join('\n'),
    );
  });

  it('a request that joins the load of another request has a link to that load', async () => {
    const world = await newTracedWorld();
    const held = world.source.hold();
    const first = inSpan('first', () => world.fetch());
    await held.begun;
    const second = inSpan('second', () => world.fetch());
    held.give('value');
    await Promise.all([first, second]);
    expect(takeSpans()).toBe(
      [
        'first',
        '  cachepot.read Query.field (miss)',
        '    cachepot.load Query.field',
        '    cachepot.fill Query.field',
        'second',
        '  cachepot.read Query.field (shared) → cachepot.load Query.field',
      ].join('\n'),
    );
  });

  it('a request has a link to the load that it joins, even if the load begins after both requests', async () => {
    const { fetch } = await newTracedWorld();
    await Promise.all(['first', 'second'].map((name) => inSpan(name, () => fetch())));
    expect(takeSpans()).toContain('second\n  cachepot.read Query.field (shared) → cachepot.load Query.field');
  });

  it('a stale value is loaded again in a trace of its own, with a link to the read', async () => {
    const world = await newTracedWorld();
    const call: FetchCall = { ttl: '10m', stale: '1h', early: false };
    await world.fetch(call);
    await age(world, 600_001);
    takeSpans();
    await inSpan('request', () => world.fetch(call));
    await settled(world);
    expect(attributesOf('cachepot.reload Query.field')).toEqual({ 'cachepot.field': 'Query.field' });
    expect(takeSpans()).toBe(
      [
        'request',
        '  cachepot.read Query.field (stale)',
        'cachepot.reload Query.field → cachepot.read Query.field',
        '  cachepot.load Query.field',
        '  cachepot.fill Query.field',
      ].join('\n'),
    );
  });

  it('a value that is loaded again after an invalidation has a link to the mutation', async () => {
    const world = await newTracedWorld();
    await world.fetch({ ...products, refill: true });
    takeSpans();
    await inSpan('mutation', () => world.cache.invalidate(['products']));
    await settled(world);
    expect(attributesOf('cachepot.invalidate')).toEqual({ 'cachepot.tag_count': 1 });
    expect(takeSpans()).toBe(
      [
        'mutation',
        '  cachepot.invalidate',
        'cachepot.reload Query.field → mutation',
        '  cachepot.load Query.field',
        '  cachepot.fill Query.field',
      ].join('\n'),
    );
  });

  it('a deletion and a flush are spans, too', async () => {
    const { cache, fetch } = await newTracedWorld();
    await fetch();
    takeSpans();
    await inSpan('request', async () => {
      await cache.delete('Query.field');
      await cache.flush();
    });
    expect(attributesOf('cachepot.delete Query.field')).toEqual({
      'cachepot.field': 'Query.field',
      'cachepot.keys_removed': 1,
    });
    expect(takeSpans()).toBe('request\n  cachepot.delete Query.field\n  cachepot.invalidate');
  });

  it('so is the replacement of a property, with the deletion if it was not possible', async () => {
    const { cache, fetch } = await newTracedWorld();
    await fetch({ fields: true, load: () => ({ stock: 12 }) });
    takeSpans();
    await inSpan('request', () => cache.replaceField({ field: 'Query.field', args: {} }, 'stock', 11));
    expect(attributesOf('cachepot.replace Query.field')).toEqual({
      'cachepot.field': 'Query.field',
      'cachepot.is_replaced': true,
    });
    expect(takeSpans()).toBe('request\n  cachepot.replace Query.field');
    await inSpan('request', () => cache.replaceField({ field: 'Query.field', args: {} }, 'missing', 11));
    expect(takeSpans()).toBe('request\n  cachepot.replace Query.field\n    cachepot.delete Query.field');
  });

  it('the check of the entries of a cached response is one span, and says whether they are valid', async () => {
    const { cache, fetch } = await newTracedWorld();
    const entryRefs: EntryRef[] = [];
    const report = ({ entryRef }: Outcome): void => void (entryRef && entryRefs.push(entryRef));
    for (const id of [1, 1, 2, 2]) await fetch({ ...products, args: { id }, report });
    takeSpans();
    await inSpan('request', async () => await cache.revalidate(entryRefs));
    expect(attributesOf('cachepot.revalidate')).toEqual({
      'cachepot.entry_count': 2,
      'cachepot.state': 'hit',
      'cachepot.tier': tier,
    });
    await cache.invalidate(['products']);
    takeSpans();
    await inSpan('request', async () => await cache.revalidate(entryRefs));
    expect(takeSpans()).toBe('request\n  cachepot.revalidate (miss)');
  });
});

it('of a stale value that another process loads again, only the read is traced', async () => {
  const namespace = newNamespace();
  const one = await newWorld('redis', { namespace });
  const two = await newWorld('redis', { namespace, tracer: openTelemetryTracer() });
  const call: FetchCall = { ttl: '10m', stale: '1h', early: false };
  await one.fetch(call);
  await age(one, 600_001);
  const held = one.source.hold();
  await one.fetch(call);
  await held.begun;
  await inSpan('request', () => two.fetch(call));
  await settled(two);
  expect(takeSpans()).toBe('request\n  cachepot.read Query.field (stale)');
  held.give('new');
  await settled(one);
});

it('of a request that waits for a load of another process, the read has the state shared', async () => {
  const one = await newWorld('redis');
  const two = await newWorld('redis', { namespace: one.namespace, tracer: openTelemetryTracer() });
  const held = one.source.hold();
  const first = one.fetch();
  await held.begun;
  const second = inSpan('request', () => two.fetch());
  held.give('value');
  await first;
  await expect.poll(() => (two.clock.advance(50), two.trace.count('shared'))).toBe(1);
  await second;
  expect(takeSpans()).toBe('request\n  cachepot.read Query.field (shared)');
});

it('a hit in the memory tier is a read of that tier', async () => {
  const world = await newWorld('redis', { tracer: openTelemetryTracer(), memoryBytesMax: 1_000_000 });
  await advanceUntil(world.clock, 100, () => world.cache.memory?.isCoherent === true);
  await expect.poll(async () => (await world.outcome(products)).tier).toBe('memory');
  takeSpans();
  await inSpan('request', () => world.fetch(products));
  expect(attributesOf('cachepot.read Query.field')).toMatchObject({ 'cachepot.tier': 'memory' });
  expect(takeSpans()).toBe('request\n  cachepot.read Query.field (hit)');
});

describe('where no span is active', () => {
  it('a hit is not traced; a load is the root of a trace', async () => {
    const { fetch } = await newWorld('memory', { tracer: openTelemetryTracer() });
    await fetch();
    expect(takeSpans()).toBe('cachepot.load Query.field');
    await fetch();
    expect(takeSpans()).toBe('');
  });

  it('an invalidation is the root of a trace', async () => {
    const { cache } = await newWorld('memory', { tracer: openTelemetryTracer() });
    await cache.invalidateCommitted(['products']);
    expect(takeSpans()).toBe('cachepot.invalidate');
  });
});

it('a reload is the root of a trace even if a span is active, as in a program that was loaded in one', async () => {
  const tracer = openTelemetryTracer();
  await inSpan('request', async () => tracer.begin({ type: 'reload', field: 'Query.field' })?.end({}));
  expect(takeSpans()).toBe('request\ncachepot.reload Query.field');
});

it('nothing is kept of loads and reads that have ended', () => {
  const joinedLoads = new JoinedLoads();
  const operations = (['read', 'load', 'fill', 'read', 'load'] as const).map((type, index) => {
    return { operation: { type, key: 'k' }, spanOf: () => ({ traceId: 't', spanId: String(index), traceFlags: 1 }) };
  });
  for (const { operation, spanOf } of operations) joinedLoads.began(operation, spanOf());
  expect(joinedLoads.size).toBe(2);
  for (const { operation, spanOf } of operations) joinedLoads.ended(operation, spanOf());
  expect(joinedLoads.size).toBe(0);
});

it('nothing is traced of a request that is sampled out, nor inside of its loads', async () => {
  const { fetch } = await newWorld('memory', { tracer: openTelemetryTracer() });
  const load = (): Promise<string> => inSpan('query', async () => 'value');
  await inSpan(unsampled, () => fetch({ load }));
  await inSpan(unsampled, () => fetch({ load }));
  expect(takeSpans()).toBe('');
});
