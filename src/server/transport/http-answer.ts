/**
 * How a request was answered:
 *
 * - `cached_response`: by the response cache, with status 304 if the client had the response already
 * - `fast_path`: executed, because its document had been parsed and validated before
 * - `graphql`: parsed, validated and executed, or refused in one of these steps
 * - `stream`: a subscription; it lasts as long as its client listens
 * - `console`: with a file of the console
 * - `error`: without GraphQL, because something was wrong with the request or the server
 * - `aborted`: not at all or not completely: the client disconnected, or a limit on traffic ended it
 * - `other`: health, metrics, redirects and CORS preflights
 */
export type HttpAnswer =
  'cached_response' | 'fast_path' | 'graphql' | 'stream' | 'console' | 'error' | 'aborted' | 'other';

/** A request that has ended, for the metrics. */
export interface MeasuredAnswer {
  readonly answer: HttpAnswer;
  /** The status that was sent; undefined if none was. */
  readonly status: number | undefined;
  /** From the arrival of the request's headers until the response was sent. */
  readonly durationMs: number;
}
