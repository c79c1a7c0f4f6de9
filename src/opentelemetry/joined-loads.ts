/**
 * Which load a read may have joined, so that its span can link to the load in the trace of another request. A read joins a load that runs
 * when the read begins, or that begins while the read runs.
 */
import type { SpanContext } from '@opentelemetry/api';
import type { TracedOperation } from '../cache/index.ts';

export class JoinedLoads {
  /** The newest load of each key that runs in this process. */
  readonly #loads = new Map<string, SpanContext>();
  /** By key: the reads that run, and the newest load that each may have joined. */
  readonly #reads = new Map<string, Map<TracedOperation, SpanContext | undefined>>();

  /** The number of loads that run, plus the number of keys with reads that run. */
  get size(): number {
    return this.#loads.size + this.#reads.size;
  }

  began(operation: TracedOperation, span: SpanContext): void {
    const { type, key } = operation;
    if (key === undefined) return;
    if (type === 'load') {
      this.#loads.set(key, span);
      const reads = this.#reads.get(key);
      for (const read of reads?.keys() ?? []) reads?.set(read, span);
    }
    if (type !== 'read') return;
    const reads = this.#reads.get(key) ?? new Map<TracedOperation, SpanContext | undefined>();
    this.#reads.set(key, reads.set(operation, this.#loads.get(key)));
  }

  /** @returns Of a read: the newest load that it may have joined. */
  ended(operation: TracedOperation, span: SpanContext): SpanContext | undefined {
    const { type, key } = operation;
    if (key === undefined) return undefined;
    if (type === 'load' && this.#loads.get(key)?.spanId === span.spanId) this.#loads.delete(key);
    const reads = type === 'read' ? this.#reads.get(key) : undefined;
    const load = reads?.get(operation);
    reads?.delete(operation);
    if (reads?.size === 0) this.#reads.delete(key);
    return load;
  }
}
