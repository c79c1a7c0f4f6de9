import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../log.ts';
import type { CorsHeaders } from './cors.ts';
import { refuse } from '../transport/send.ts';
import { logRequest, noteOutcome, type RequestOutcome } from '../transport/request-log.ts';
import { inRequest, inRequestSync, requestIdOf } from '../request-scope.ts';
import type { Traffic } from './traffic.ts';

export interface ExchangeParts {
  readonly log: Log;
  readonly traffic: Traffic;
}

/**
 * A request and its response. It is *opened* before any work for it that takes time: from then on it counts as running, has its
 * limits, and is logged. A cached response is sent without that.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The CORS headers of its response. */
  cors: CorsHeaders = { list: [], vary: '' };
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

  readonly fail = (error: unknown): void => {
    if (!this.open()) return;
    this.#setHeaders();
    inRequestSync(this.requestId, () => refuse(this.#parts.log, error, this));
  };

  /** Logs a response that was sent. That of an opened request is logged when it has been written. */
  logAnswer(outcome: RequestOutcome): void {
    if (!this.#parts.log.isLevelEnabled('info')) return;
    noteOutcome(this.request, outcome);
    if (this.#isOpen !== true) this.#log(false);
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
    const { traffic, log } = this.#parts;
    if (!traffic.opened(this.request.socket, this.response)) return false;
    if (log.isLevelEnabled('info')) this.response.once('close', () => this.#log(!this.response.writableFinished));
    return true;
  }

  #log(isAborted: boolean): void {
    const { request, response, requestId } = this;
    const [method, startedMs] = [this.#method, this.#startedMs];
    logRequest(this.#parts.log, { requestId, method, request, response, startedMs, isAborted });
  }
}
