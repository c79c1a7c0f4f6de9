/** Wraps `GetOrLoad` and `Revalidator` to put a span around each call. A cache without a tracer uses them directly. */
import type { FetchRequest } from './fetch.ts';
import type { GetOrLoad } from './get-or-load.ts';
import type { Answer } from './outcome.ts';
import type { RevalidatedHit, Revalidator } from './revalidate.ts';
import type { OperationEnd, OperationSpan, Tracing } from './tracing.ts';

/** Answers fetches. */
export type Reads = Pick<GetOrLoad, 'answer'>;
/** Checks entries. */
export type Revalidations = Pick<Revalidator, 'revalidate'>;

export class TracedReads implements Reads {
  readonly #reads: Reads;
  readonly #tracing: Tracing;

  constructor(reads: Reads, tracing: Tracing) {
    this.#reads = reads;
    this.#tracing = tracing;
  }

  /** A hit in memory takes less than a microsecond, so this creates neither objects nor closures while nothing is traced. */
  answer(request: FetchRequest, nowMs: number): ReturnType<Reads['answer']> {
    if (this.#tracing.isIdle()) return this.#reads.answer(request, nowMs);
    const { text: key, field } = request.key;
    const span = this.#tracing.begin({ type: 'read', field, key });
    return span === undefined ? this.#reads.answer(request, nowMs) : this.#answerIn(span, request, nowMs);
  }

  #answerIn(span: OperationSpan, request: FetchRequest, nowMs: number): ReturnType<Reads['answer']> {
    return this.#tracing.inSpan(span, () => this.#reads.answer(request, nowMs), readEnd);
  }
}

export function tracedRevalidations(revalidations: Revalidations, tracing: Tracing): Revalidations {
  return {
    revalidate: (entryRefs, request) =>
      tracing.trace(
        { type: 'revalidate', entryCount: entryRefs.length },
        () => revalidations.revalidate(entryRefs, request),
        revalidationEnd,
      ),
  };
}

function readEnd(answer: Answer): OperationEnd {
  if (answer.state !== 'hit' && answer.state !== 'stale') return { state: answer.state };
  const { state, tier, ageMs, isFallback } = answer;
  return { state, tier, ageMs: Math.max(0, Math.round(ageMs)), ...(isFallback === true && { isFallback }) };
}

function revalidationEnd(hits: readonly RevalidatedHit[] | undefined): OperationEnd {
  const tier = hits?.[0]?.tier;
  return { state: hits === undefined ? 'miss' : 'hit', ...(tier !== undefined && { tier }) };
}
