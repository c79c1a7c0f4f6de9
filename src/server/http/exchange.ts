import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphqlExchange } from '../graphql/server-context.ts';
import type { Log } from '../log.ts';
import type { CorsHeaders } from './cors.ts';
import { refuse } from '../transport/send.ts';
import type { HttpAnswer, MeasuredAnswer } from '../transport/http-answer.ts';
import { logRequest, noteOutcome, type RequestOutcome } from '../transport/request-log.ts';
import { inRequest, inRequestSync, requestIdOf } from '../request-scope.ts';
import type { Traffic } from './traffic.ts';

export interface ExchangeParts {
  readonly log: Log;
  readonly traffic: Traffic;
  /** Called when a request has ended. */
  readonly onAnswer?: (measured: MeasuredAnswer) => void;
}

/**
 * A request and its response. It is *opened* before any work for it that takes time: from then on it counts as running, has its
 * limits, and is logged. A cached response is sent without that.
 */
export class Exchange implements GraphqlExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The CORS headers of its response. */
  cors: CorsHeaders = { list: [], vary: '' };
  /** How it is answered, for the metrics. */
  answer: HttpAnswer = 'other';
  /** As received: a HEAD is handled as a GET. */
  readonly #method: string | undefined;
  readonly #startedMs = performance.now();
  readonly #parts: ExchangeParts;
  #isOpen: boolean | undefined;

  constructor(parts: ExchangeParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.request = request;
    this.response = response;
    this.requestId = requestIdOf(request);
    this.#method = request.method;
  }

  /** Whether its response is the next one on the connection. */
  get isAwaited(): boolean {
    return this.request.complete && !this.response.writableEnded;
  }

  /** False if it must not be answered any more. */
  open(): boolean {
    return (this.#isOpen ??= this.#open());
  }

  /** Opens it, and answers it with `work`, whose log lines have its id, or with what `work` throws. */
  answerBy(work: () => void | Promise<void>): void {
    if (!this.open()) return;
    this.#setHeaders();
    inRequest(this.requestId, work).catch((error: unknown) => this.fail(error));
  }

  /** Runs `work`, which may answer it at once; otherwise opens it. */
  begin(work: () => void): void {
    // At this level everything that is done for it is logged.
    if (this.#parts.log.isLevelEnabled('debug')) return this.answerBy(work);
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets its response take as long as its client reads it. False: no further one is allowed now. */
  openStream(): boolean {
    const isOpened = this.#parts.traffic.openStream(this.response);
    if (isOpened) this.answer = 'stream';
    return isOpened;
  }

  readonly fail = (error: unknown): void => {
    if (!this.open()) return;
    this.answer = 'error';
    this.#setHeaders();
    inRequestSync(this.requestId, () => refuse(this.#parts.log, error, this));
  };

  /** Reports a response that was sent. That of an opened request is reported when it has been written. */
  answered(outcome: RequestOutcome): void {
    if (this.#parts.log.isLevelEnabled('info')) noteOutcome(this.request, outcome);
    if (this.#isOpen !== true) this.#ended(false);
  }

  /** Not for an opened request: code that writes all headers at once writes these too, and would pay for them twice. */
  #setHeaders(): void {
    if (this.response.headersSent) return;
    this.response.setHeader('x-request-id', this.requestId);
    this.response.setHeader('x-content-type-options', 'nosniff');
    const { list, vary } = this.cors;
    for (let place = 0; place < list.length; place += 2)
      this.response.setHeader(list[place] ?? '', list[place + 1] ?? '');
    if (vary !== '') this.response.setHeader('vary', vary);
  }

  #open(): boolean {
    if (!this.#parts.traffic.opened(this.request.socket, this.response)) return false;
    this.response.once('close', () => this.#ended(!this.response.writableFinished));
    return true;
  }

  /** @param isAborted Whether the response was not sent, or not to the end. */
  #ended(isAborted: boolean): void {
    const { request, response, requestId } = this;
    const durationMs = performance.now() - this.#startedMs;
    const answer = isAborted && this.answer !== 'stream' ? 'aborted' : this.answer;
    const status = response.headersSent ? response.statusCode : undefined;
    this.#parts.onAnswer?.({ answer, status, durationMs });
    if (!this.#parts.log.isLevelEnabled('info')) return;
    logRequest(this.#parts.log, { requestId, method: this.#method, request, response, durationMs, isAborted });
  }
}
