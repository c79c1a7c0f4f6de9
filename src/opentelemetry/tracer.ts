/**
 * Turns what a cache does into spans of OpenTelemetry. Without an SDK, each hit only checks whether one has been registered.
 *
 * - A read, a revalidation or a fill is traced only inside of a span that is recorded: alone it would say little, and there are many. A load,
 *   an invalidation, a deletion or a replacement is always traced: if no span is active, as the root of a trace.
 * - A load that no request waits for outlives the request that caused it. So it is the root of a trace of its own, with a link to the span
 *   that caused it.
 * - A failed operation has the status ERROR and `error.type`, but no message, which may contain data.
 *
 * Sources: https://opentelemetry.io/blog/2025/how-to-name-your-spans/,
 * https://opentelemetry.io/docs/specs/semconv/general/recording-errors/
 */
import {
  context,
  ProxyTracerProvider,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type TracerProvider,
} from '@opentelemetry/api';
import {
  checkOptions,
  type CacheTracer,
  type OperationEnd,
  type OperationSpan,
  type OptionRules,
  type TracedOperation,
} from '../cache/index.ts';
import { attributesOf } from './attributes.ts';
import { JoinedLoads } from './joined-loads.ts';
import { version } from './version.ts';

/** The options of `openTelemetryTracer`. */
export interface OpenTelemetryOptions {
  /** Where spans are sent. Default: the global provider, even if it is registered later. */
  tracerProvider?: TracerProvider;
}

/** The instrumentation scope of these spans. */
const scopeName = 'cachepot';

const rules: OptionRules = {
  tracerProvider: {
    must: 'a TracerProvider of OpenTelemetry',
    isRight: (value) =>
      typeof value === 'object' && value !== null && 'getTracer' in value && typeof value.getTracer === 'function',
  },
};

/** The operations that are traced only inside of a span. */
const needParent: ReadonlySet<TracedOperation['type']> = new Set(['read', 'revalidate', 'fill']);

/**
 * Returns a tracer for `createCache({ tracer })`. Where no SDK of OpenTelemetry is registered, it does nothing.
 *
 * Spans are named by operation and field, such as `cachepot.read Query.products`. They contain neither values, arguments, keys, viewers,
 * tags nor messages of errors.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, with the name of the option, what it must be and what was received.
 */
export function openTelemetryTracer(options: OpenTelemetryOptions = {}): CacheTracer {
  checkOptions('openTelemetryTracer', options, rules);
  const provider = options.tracerProvider ?? trace.getTracerProvider();
  const tracer = provider.getTracer(scopeName, version);
  let isRegistered = false;
  const joinedLoads = new JoinedLoads();
  return {
    isIdle: () => !isRegistered && !(isRegistered = isSdk(provider)),
    begin(operation) {
      const active = context.active();
      return needParent.has(operation.type) && !isRecording(active) ? undefined : beginIn(active, operation);
    },
    current: () => trace.getSpanContext(context.active()),
  };

  function beginIn(active: Context, operation: TracedOperation): OperationSpan | undefined {
    const { type, cause } = operation;
    const attributes = attributesOf(operation);
    const spanOptions = { attributes, root: type === 'reload', links: linksTo(cause as SpanContext | undefined) };
    const span = tracer.startSpan(nameOf(operation), spanOptions, active);
    // No SDK, or tracing is suppressed.
    if (!span.isRecording() && !trace.isSpanContextValid(span.spanContext())) return undefined;
    return new ActiveSpan(operation, { span, active: trace.setSpan(active, span), joinedLoads });
  }
}

interface ActiveSpanParts {
  readonly span: Span;
  /** The context in which it is active. */
  readonly active: Context;
  readonly joinedLoads: JoinedLoads;
}

class ActiveSpan implements OperationSpan {
  readonly #operation: TracedOperation;
  readonly #parts: ActiveSpanParts;

  constructor(operation: TracedOperation, parts: ActiveSpanParts) {
    this.#operation = operation;
    this.#parts = parts;
    parts.joinedLoads.began(operation, parts.span.spanContext());
  }

  run(work: () => void): void {
    context.with(this.#parts.active, work);
  }

  end(end: OperationEnd): void {
    const { span, joinedLoads } = this.#parts;
    try {
      const joined = joinedLoads.ended(this.#operation, span.spanContext());
      if (end.state === 'shared') span.addLinks(linksTo(joined));
      span.setAttributes(attributesOf(end));
      if (end.errorType !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    } finally {
      span.end();
    }
  }
}

/**
 * Whether an SDK is registered. The API's global provider is a proxy for an SDK that may be registered later. The check does not use the active
 * context, because the API searches `globalThis` for it, which takes a tenth of a hit in memory.
 */
function isSdk(provider: TracerProvider): boolean {
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(scopeName) !== undefined;
}

function isRecording(active: Context): boolean {
  return trace.getSpan(active)?.isRecording() === true;
}

function nameOf({ type, field }: TracedOperation): string {
  return field === undefined ? `cachepot.${type}` : `cachepot.${type} ${field}`;
}

function linksTo(span: SpanContext | undefined): Link[] {
  return span === undefined ? [] : [{ context: span }];
}
