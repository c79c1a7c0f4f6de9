/** One line of the log for each request, with what GraphQL did for it. It contains no variables, bodies or query strings. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../log.ts';

/** What only GraphQL knows of a request. */
export interface RequestOutcome {
  /** The operation's name, or its root fields, at most 80 characters. */
  readonly operation?: string | undefined;
  /** The number of cached fields that were answered from the cache. */
  readonly hits?: number;
  /** The number of cached fields whose values were loaded; those that bypassed the cache are not counted. */
  readonly misses?: number;
  /** The codes of its errors, each once. */
  readonly errors?: readonly string[];
}

/** Paths that the log may name: others may contain values. */
const paths = new Set(['/graphql', '/', '/livez', '/readyz', '/metrics', '/console/']);
/** Paths that are requested every few seconds by machines, and what the console's page loads; logged at `debug`. */
const minor = new Set(['/livez', '/readyz', '/metrics', '/console/']);

const outcomes = new WeakMap<IncomingMessage, RequestOutcome>();

/** Adds to the log line of `request`. */
export function noteOutcome(request: IncomingMessage, outcome: RequestOutcome): void {
  outcomes.set(request, { ...outcomes.get(request), ...outcome });
}

/** A request that has been answered, or whose client has disconnected. */
export interface AnsweredRequest {
  readonly requestId: string;
  /** As the client sent it. */
  readonly method: string | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly durationMs: number;
  /** Whether the client disconnected before it had the whole response. */
  readonly isAborted: boolean;
}

export function logRequest(
  log: Log,
  { requestId, method, request, response, durationMs, isAborted }: AnsweredRequest,
): void {
  const asked = pathOf(request.url ?? '');
  const level = minor.has(asked) ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const line = {
    requestId,
    method,
    path: paths.has(asked) ? asked : 'another',
    status: response.statusCode,
    durationMs: Math.round(100 * durationMs) / 100,
    ...outcomes.get(request),
    ...(isAborted ? { isAborted } : {}),
  };
  log[level](line, 'request');
}

/** Without the query string, and without the names of the console's files. */
function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path.startsWith('/console/') ? '/console/' : path;
}
