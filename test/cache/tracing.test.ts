// A tracer that is faulty: it fails no request. What tracers receive is tested with that of OpenTelemetry, in test/opentelemetry.
import { expect, it } from 'vitest';
import { createCache, createMemoryStore, type CacheTracer, type OperationSpan } from '../../src/cache/index.ts';
import { Tracing } from '../../src/cache/tracing.ts';
import { newWorld, settled } from './world.ts';

const span: OperationSpan = { run: (work) => work(), end() {} };
const fault = (): never => {
  throw new Error('the tracer is faulty');
};
/** An async function where one is expected that returns nothing, which TypeScript accepts. */
const rejects: () => void = (): unknown => Promise.reject(new Error('the tracer is faulty'));
const faults: readonly (readonly [string, CacheTracer])[] = [
  ['cannot begin a span', { begin: fault }],
  ['cannot say whether it is idle', { begin: () => span, isIdle: fault }],
  ['cannot run work in a span', { begin: () => ({ ...span, run: fault }) }],
  ['fails after it has run work', { begin: () => ({ ...span, run: (work) => (work(), fault()) }) }],
  ['cannot end a span', { begin: () => ({ ...span, end: fault }) }],
  [
    'rejects after it has run work',
    { begin: () => ({ ...span, run: (work: () => void): void => (work(), rejects()) }) },
  ],
  ['rejects when a span ends', { begin: () => ({ ...span, end: rejects }) }],
  ['does not know the span that is active', { begin: () => span, current: fault }],
];

it.each(faults)('a tracer that %s fails no request, and a warning names it', async (_, tracer) => {
  const lines: string[] = [];
  const log = { warn: (_fields: object, message: string) => void lines.push(message) };
  const world = await newWorld('memory', { tracer, log });
  const call = { ttl: '10m', stale: '1h', early: false } as const;
  expect(await world.fetch(call)).toBe('value');
  world.clock.advance(600_001);
  expect(await world.fetch(call)).toBe('value');
  await settled(world);
  expect(world.source.loads).toBe(2);
  expect(await world.outcome(call)).toMatchObject({ state: 'hit' });
  world.source.fails(new Error('down'));
  await expect(world.fetch({ args: { id: 1 } })).rejects.toThrow('down');
  expect(lines.filter((line) => line.includes('tracing.test.ts'))).not.toEqual([]);
});

it.each<[string, OperationSpan['run']]>([
  ['runs it twice', (work) => (work(), work())],
  ['does not run it', () => {}],
])('work runs once for a tracer that %s, even if it throws at once', (_, run) => {
  let calls = 0;
  const ends: unknown[] = [];
  const tracing = new Tracing({ begin: () => ({ run, end: (end) => void ends.push(end) }) }, fault);
  const work = (): never => {
    calls += 1;
    throw new RangeError('down');
  };
  expect(() => tracing.trace({ type: 'load' }, work, () => ({}))).toThrow('down');
  expect(calls).toBe(1);
  expect(ends).toEqual([{ errorType: 'RangeError' }]);
});

it('rejects an option that is not a tracer', () => {
  const store = createMemoryStore({ namespace: 'tracing' });
  expect(() => createCache({ store, tracer: (() => {}) as never })).toThrow(
    'createCache: tracer must be a tracer, such as openTelemetryTracer() returns, got a function',
  );
});
