// Spans that other libraries begin while a load runs: they are its children, and those of concurrent requests do not mix.
import { trace } from '@opentelemetry/api';
import DataLoader from 'dataloader';
import { setImmediate as nextTick } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { openTelemetryTracer } from '../../src/opentelemetry/index.ts';
import { newWorld, settled, times } from '../cache/world.ts';
import { lazyKinds } from '../support/lazy.ts';
import { inSpan, recorder, registerSdk, takeSpans } from './spans.ts';

beforeAll(registerSdk);
beforeEach(() => void takeSpans());

const tracer = openTelemetryTracer();
const query = (): Promise<string> => inSpan('query', async () => 'rows');

it.each(['use', 'refresh', 'bypass'] as const)(
  'a query inside of a load is a child of the load (mode: %s)',
  async (mode) => {
    const { fetch } = await newWorld('memory', { tracer, loadsAtOnceMax: 1 });
    const load = async (): Promise<string> => {
      await nextTick();
      return await query();
    };
    await inSpan('request', () => fetch({ load, mode }));
    expect(takeSpans()).toContain('    cachepot.load Query.field\n      query');
  },
);

it.each(Object.entries(lazyKinds))(
  'a query that starts when it is awaited is a child of its load: %s',
  async (_, kind) => {
    const { fetch } = await newWorld('memory', { tracer });
    await inSpan('request', () => fetch({ load: () => kind(query) }));
    expect(takeSpans()).toContain('    cachepot.load Query.field\n      query');
  },
);

it('the batch of a DataLoader that one load fills is a child of the load', async () => {
  const { fetch } = await newWorld('memory', { tracer });
  const names = new DataLoader(async (ids: readonly number[]) => {
    await query();
    return ids.map(String);
  });
  await inSpan('request', () => fetch({ load: () => names.loadMany([1, 2]) }));
  expect(takeSpans()).toContain('    cachepot.load Query.field\n      query');
});

it('a load inside of a load is a child of the outer one, with its read', async () => {
  const { fetch } = await newWorld('memory', { tracer });
  await inSpan('request', () => fetch({ load: () => fetch({ field: 'Query.inner', load: query }) }));
  expect(takeSpans()).toBe(
    [
      'request',
      '  cachepot.read Query.field (miss)',
      '    cachepot.load Query.field',
      '      cachepot.read Query.inner (miss)',
      '        cachepot.load Query.inner',
      '          query',
      '        cachepot.fill Query.inner',
      '    cachepot.fill Query.field',
    ].join('\n'),
  );
});

it('a query of a load in the background is a child of that load', async () => {
  const world = await newWorld('memory', { tracer });
  const call = { ttl: '10m', stale: '1h', early: false, load: query } as const;
  await world.fetch(call);
  world.clock.advance(600_001);
  takeSpans();
  await inSpan('request', () => world.fetch(call));
  await settled(world);
  expect(takeSpans()).toContain(
    'cachepot.reload Query.field → cachepot.read Query.field\n  cachepot.load Query.field\n    query',
  );
});

it('a query of a shadow check is the root of a trace: it belongs to no request', async () => {
  const world = await newWorld('memory', { tracer });
  await world.fetch({ shadow: 1 });
  takeSpans();
  await inSpan('request', () => world.fetch({ shadow: 1, load: query }));
  await settled(world);
  expect(takeSpans()).toBe('request\n  cachepot.read Query.field (hit)\nquery');
});

it('the spans of a hundred concurrent requests, two for each value, do not mix', async () => {
  const { fetch } = await newWorld('memory', { tracer });
  const load = (id: number) => async (): Promise<string> => {
    await nextTick();
    return await inSpan(`query ${id}`, () => nextTick('rows'));
  };
  const ask = (index: number): Promise<unknown> => {
    const id = index >> 1;
    return inSpan(`request ${index}`, async () => {
      await fetch({ args: { id }, load: load(id) });
      return await fetch({ args: { id }, load: load(id) });
    });
  };
  await Promise.all(times(100, ask));
  const lines = (index: number): readonly string[] => {
    const isFirst = index % 2 === 0;
    const loading = ['    cachepot.load Query.field', `      query ${index >> 1}`, '    cachepot.fill Query.field'];
    return [
      `request ${index}`,
      `  cachepot.read Query.field ${isFirst ? '(miss)' : '(shared) → cachepot.load Query.field'}`,
      ...(isFirst ? loading : []),
      '  cachepot.read Query.field (hit)',
    ];
  };
  const traces = new Set(recorder.begun.map((span) => span.spanContext().traceId));
  expect(traces.size).toBe(100);
  expect(takeSpans()).toBe(times(100, lines).flat().join('\n'));
});

it('what a request does after a read is not part of the read', async () => {
  const { fetch } = await newWorld('memory', { tracer });
  await inSpan('request', async () => {
    const own = trace.getActiveSpan();
    await fetch();
    expect(trace.getActiveSpan()).toBe(own);
    await query();
  });
  expect(takeSpans()).toMatch(/\n {2}query$/);
});
