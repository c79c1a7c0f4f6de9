/**
 * Tells a tracer, such as that of `src/opentelemetry`, what the cache does. A span begins before the work, is active while the work runs, so
 * that the spans of libraries that the work calls become its children, and ends with it. A faulty tracer never fails a request.
 */
import type { Key } from './entry/key.ts';
import { errorTypeOf } from './events/thrown.ts';

/** What the cache is about to do. */
export interface TracedOperation {
  /**
   * `read`: `Cache.fetch`. `revalidate`: `Cache.revalidate`. `load`: the call to the slow source. `fill`: storing what a load returned.
   * `reload`: a load that no request waits for, with its fill. `invalidate`: of tags, or of everything. `delete`: of single values.
   * `replace`: of one property of a value.
   */
  readonly type: 'read' | 'revalidate' | 'load' | 'fill' | 'reload' | 'invalidate' | 'delete' | 'replace';
  /** Such as `Query.products`; undefined for operations that concern no single field. */
  readonly field?: string;
  /** Identifies the value. It contains a hash of the arguments and the viewer, from which they may be guessed: do not export it. */
  readonly key?: string;
  /** How many tags are invalidated, or the stored value depends on. */
  readonly tagCount?: number;
  /** How many entries are revalidated. */
  readonly entryCount?: number;
  /** How long the stored value stays fresh, in milliseconds. */
  readonly ttlMs?: number;
  /** The length of the stored value, in UTF-16 code units. */
  readonly textChars?: number;
  /** Of a reload: what `current` returned in the request, or the invalidation, that caused it. */
  readonly cause?: unknown;
}

/** How an operation ended. */
export interface OperationEnd {
  /** Of a read: as in `Outcome`. Of a revalidation: `hit` if all entries are valid, otherwise `miss`. */
  readonly state?: 'hit' | 'stale' | 'miss' | 'bypass' | 'refresh' | 'shared';
  /** Where the value was found; absent if it was loaded. */
  readonly tier?: 'memory' | 'redis';
  /** How long the value that was found has been stored, in milliseconds. */
  readonly ageMs?: number;
  /** Whether an expired value is returned because its load has failed, or takes long. */
  readonly isFallback?: boolean;
  /** Of a fill: whether the store has accepted the value; absent if it failed, or did not reply in time. */
  readonly isStored?: boolean;
  /** How many values were deleted. */
  readonly keysRemoved?: number;
  /** Whether a property was replaced; otherwise the value was deleted. */
  readonly isReplaced?: boolean;
  /** Set if the operation failed: the code of the error, such as `ECONNREFUSED`, otherwise the name of its class. Never its message. */
  readonly errorType?: string;
}

/** The span of one operation. */
export interface OperationSpan {
  /** Calls `work` once, before it returns, with this span active in `work` and in everything that `work` starts. */
  run(work: () => void): void;
  /** Called once. Something that `work` has started may still be running, such as a load that took longer than its `timeout`. */
  end(end: OperationEnd): void;
}

/** Receives what a cache does as spans. What its methods throw, or reject with, is reported and otherwise ignored. */
export interface CacheTracer {
  /** Begins the span of an operation; undefined if the operation is not traced. Called for each read, so it should return quickly. */
  begin(operation: TracedOperation): OperationSpan | undefined;
  /** Identifies the span that is active now, for the `cause` of a reload. */
  current?(): unknown;
  /** True while nothing is traced: a hit then costs no more than this call. */
  isIdle?(): boolean;
}

export class Tracing {
  readonly #tracer: CacheTracer;
  readonly #onFault: (error: unknown) => void;

  constructor(tracer: CacheTracer, onFault: (error: unknown) => void) {
    this.#tracer = tracer;
    this.#onFault = onFault;
  }

  isIdle(): boolean {
    try {
      return this.#tracer.isIdle?.() === true;
    } catch (error) {
      this.#onFault(error);
      return false;
    }
  }

  current(): unknown {
    return this.#attempt(() => this.#tracer.current?.());
  }

  /** Runs `work` in a span, if the operation is traced. */
  trace<T>(operation: TracedOperation, work: () => T, endOf: (result: Awaited<T>) => OperationEnd): T {
    const span = this.begin(operation);
    return span === undefined ? work() : this.inSpan(span, work, endOf);
  }

  /** Undefined if the operation is not traced. */
  begin(operation: TracedOperation): OperationSpan | undefined {
    try {
      return this.#tracer.begin(operation);
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }

  /** Runs `work` in a span that has begun, and ends the span. */
  inSpan<T>(span: OperationSpan, work: () => T, endOf: (result: Awaited<T>) => OperationEnd): T;
  inSpan<T>(span: OperationSpan, work: () => T | Promise<T>, endOf: (result: T) => OperationEnd): T | Promise<T> {
    const succeeded = (value: T): T => {
      this.#attempt(() => span.end(endOf(value)));
      return value;
    };
    const failed = (error: unknown): never => {
      this.#attempt(() => span.end({ errorType: errorTypeOf(error) }));
      throw error;
    };
    let result: T | Promise<T>;
    try {
      result = this.#runIn(span, work);
    } catch (error) {
      return failed(error);
    }
    return result instanceof Promise ? result.then(succeeded, failed) : succeeded(result);
  }

  /** The work runs once, and its result counts, whatever the tracer does. */
  #runIn<T>(span: OperationSpan, work: () => T): T {
    let done: { readonly value: T } | { readonly error: unknown } | undefined;
    this.#attempt(() =>
      span.run(() => {
        try {
          done ??= { value: work() };
        } catch (error) {
          done = { error };
        }
      }),
    );
    done ??= { value: work() };
    if ('error' in done) throw done.error;
    return done.value;
  }

  #attempt<T>(call: () => T): T | undefined {
    try {
      const result = call();
      if (result instanceof Promise) result.catch(this.#onFault);
      return result;
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }
}

/** What an operation on the value at `key` tells a tracer. */
export function about({ text, field }: Key): Pick<TracedOperation, 'key' | 'field'> {
  return { key: text, field };
}

/** Runs `work` in a span, if there is a tracer and it traces the operation. */
export function traced<T>(
  tracing: Tracing | undefined,
  { operation, endOf = () => ({}) }: { operation: TracedOperation; endOf?: (result: Awaited<T>) => OperationEnd },
  work: () => T,
): T {
  return tracing === undefined ? work() : tracing.trace(operation, work, endOf);
}
