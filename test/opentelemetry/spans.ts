// The SDK of OpenTelemetry, registered as a program does it, and the spans that it has received.
import { SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import {
  NodeTracerProvider,
  ParentBasedSampler,
  SamplingDecision,
  type ReadableSpan,
  type Span,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';

/** The spans of one file's tests, in the order in which they began. */
class Recorder implements SpanProcessor {
  readonly begun: ReadableSpan[] = [];
  readonly ended = new Set<ReadableSpan>();
  /** Called with each span that begins, and that ends. */
  onSpan: () => void = () => {};

  onStart(span: Span): void {
    this.begun.push(span);
    this.onSpan();
  }
  onEnd(span: ReadableSpan): void {
    this.ended.add(span);
    this.onSpan();
  }
  async shutdown(): Promise<void> {}
  async forceFlush(): Promise<void> {}
}

export const recorder = new Recorder();

/** The name of requests that are sampled out, with all spans inside of them. */
export const unsampled = 'unsampled';

const root = {
  shouldSample: (_context: unknown, _traceId: string, name: string) => {
    return { decision: name === unsampled ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED };
  },
};

export function registerSdk(): void {
  const sampler = new ParentBasedSampler({ root });
  new NodeTracerProvider({ spanProcessors: [recorder], sampler }).register();
}

/** Runs `work` in a span, as the instrumentation of another library does. */
export function inSpan<T>(name: string, work: () => Promise<T>, attributes: Attributes = {}): Promise<T> {
  return trace.getTracer('test').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

/**
 * The spans since the last call as lines of text, each below its parent: the name, then in brackets what is special about it, such as
 * `(hit)`, `(ERROR ECONNREFUSED)` or `→ cachepot.read Query.field`, a link. Those that have not ended are marked with `…`.
 */
export function takeSpans(): string {
  const spans = recorder.begun.splice(0);
  const below = (parent: ReadableSpan | undefined, depth: number): string[] =>
    spans
      .filter((span) => parentOf(span, spans) === parent)
      .flatMap((span) => [`${'  '.repeat(depth)}${lineOf(span, spans)}`, ...below(span, depth + 1)]);
  return below(undefined, 0).join('\n');
}

/** The attributes of the last span with this name. */
export function attributesOf(name: string): Attributes | undefined {
  return recorder.begun.findLast((span) => span.name === name)?.attributes;
}

function parentOf(span: ReadableSpan, spans: readonly ReadableSpan[]): ReadableSpan | undefined {
  return spans.find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId);
}

function lineOf(span: ReadableSpan, spans: readonly ReadableSpan[]): string {
  const state = span.attributes['cachepot.state'];
  const links = span.links.map(({ context }) => spans.find((one) => one.spanContext().spanId === context.spanId)?.name);
  return [
    span.name,
    ...(state === undefined ? [] : [`(${String(state)})`]),
    ...(span.status.code === SpanStatusCode.ERROR ? [`(ERROR ${String(span.attributes['error.type'])})`] : []),
    ...links.map((name) => `→ ${name ?? 'a span that is not here'}`),
    ...(recorder.ended.has(span) ? [] : ['…']),
  ].join(' ');
}
