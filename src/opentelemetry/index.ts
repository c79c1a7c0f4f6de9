/** OpenTelemetry: what a cache does as spans, through `@opentelemetry/api` alone. */
export { openTelemetryTracer, type OpenTelemetryOptions } from './tracer.ts';
