// Without an SDK of OpenTelemetry, and with one that is registered later. Nothing registers one before, in the process of this file.
import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { openTelemetryTracer } from '../../src/opentelemetry/index.ts';
import { newWorld } from '../cache/world.ts';
import { inSpan, registerSdk, takeSpans } from './spans.ts';

it('without an SDK no operation is traced, and one that is registered later is used', async () => {
  const tracer = openTelemetryTracer();
  const { fetch } = await newWorld('memory', { tracer });
  for (const type of ['read', 'revalidate', 'load', 'fill', 'reload', 'invalidate', 'delete'] as const)
    expect(tracer.begin({ type, field: 'Query.field', key: 'k' })).toBeUndefined();
  expect(tracer.isIdle?.()).toBe(true);
  expect(await fetch({ load: () => trace.getActiveSpan() ?? 'no span' })).toBe('no span');
  registerSdk();
  expect(tracer.isIdle?.()).toBe(false);
  await inSpan('request', () => fetch());
  expect(takeSpans()).toBe('request\n  cachepot.read Query.field (hit)');
});

describe('is rejected, with what was expected', () => {
  it.each([
    [
      'a text instead of options',
      'https://collector',
      /openTelemetryTracer: the options must be an object .* got a text/,
    ],
    ['an unknown option', { provider: {} }, /unknown option "provider"; it has tracerProvider/],
    [
      'a number instead of a provider',
      { tracerProvider: 1 },
      /tracerProvider must be a TracerProvider of OpenTelemetry, got 1/,
    ],
  ])('%s', (_, options, message) => {
    expect(() => openTelemetryTracer(options as object)).toThrow(message);
  });
});
