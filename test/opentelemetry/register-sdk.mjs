/**
 * For `node --import`: an SDK whose spans are appended to the file `SPANS`, one line each, and a span around each HTTP request, as an
 * instrumentation of HTTP begins it.
 */
import { appendFileSync } from 'node:fs';
import { Server } from 'node:http';
import { env } from 'node:process';
import { context, trace } from '@opentelemetry/api';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { name, attributes } = span;
      const { traceId } = span.spanContext();
      appendFileSync(env.SPANS, `${JSON.stringify({ name, attributes, traceId })}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

const emit = Reflect.get(Server.prototype, 'emit');
Server.prototype.emit = function emitInSpan(name, ...args) {
  if (name !== 'request') return Reflect.apply(emit, this, [name, ...args]);
  const [request, response] = args;
  return trace.getTracer('http').startActiveSpan(request.method, (span) => {
    for (const emitter of [request, response]) context.bind(context.active(), emitter);
    response.once('close', () => span.end());
    return Reflect.apply(emit, this, [name, ...args]);
  });
};
