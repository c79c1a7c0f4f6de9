/**
 * HTTP caching of responses to GET requests: browsers and proxies may keep a response as long as the policies of its fields
 * allow. They ask each time whether it is still valid, by its `ETag`, unless every field allows them to reuse it without asking.
 *
 * A response is public only if it consists of public cached values that are stored: for anything else it is not
 * known who may see it.
 * https://www.rfc-editor.org/rfc/rfc9111
 */
import { createHash } from 'node:crypto';
import { getOperationAST, OperationTypeNode, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { isPure } from './pure-operation.ts';
import { storedFieldsOf, type CacheReport, type Freshness } from './report.ts';

/** The caching headers of a response to a GET request. */
export interface HttpCaching {
  readonly etag: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
  /** Whether the response is the same for every viewer. */
  readonly isForEveryone: boolean;
}

/**
 * How the response of an executed operation may be cached; undefined if it may not: it has errors, or is not a query.
 *
 * @param dataText Its `data` as JSON.
 */
export function httpCachingOf(
  args: ExecutionArgs,
  { errors }: ExecutionResult,
  dataText: string,
): HttpCaching | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  if (errors !== undefined || operation?.operation !== OperationTypeNode.QUERY) return undefined;
  const stored = isPure(args) ? storedFieldsOf(args.contextValue as object) : undefined;
  const isForEveryone = stored !== undefined;
  const cacheControl = isForEveryone ? cacheControlOf(stored) : 'private, no-cache';
  return { etag: etagOf(dataText), cacheControl, isForEveryone };
}

/** For a public response. It may be kept no longer than its values are fresh. */
export function cacheControlOf(fields: readonly Freshness[]): string {
  const maxAgesMs = fields.map(({ httpMs = 0, ttlMs }) => Math.min(httpMs, ttlMs));
  const maxAgeS = Math.floor(Math.min(...maxAgesMs) / 1_000);
  return maxAgeS > 0 ? `public, max-age=${maxAgeS}, must-revalidate` : 'no-cache';
}

/** Weak, because it is also the tag of a response with another content type, or one that is compressed on its way. */
export function etagOf(dataText: string): string {
  return `W/"${createHash('sha256').update(dataText).digest('base64url')}"`;
}

/** A proxy rejects a response with longer headers. */
const timingCharsMax = 2_000;
const pathCharsMax = 80;

/**
 * The report of a response as the value of `Server-Timing`, which browsers show beside the request; `dur` is in milliseconds.
 * Rows beyond about 2,000 characters are only counted.
 */
export function serverTimingOf({ fields, more = 0 }: CacheReport): string {
  let text = '';
  for (const [index, { path, field, state, tier, durationMs, ageMs }] of fields.entries()) {
    const where = path.join('.').slice(0, pathCharsMax);
    const what = [state, tier, ageMs === undefined ? undefined : `age ${ageMs} ms`]
      .filter((word) => word !== undefined)
      .join(', ');
    const row = `${field};desc="${where}: ${what}";dur=${durationMs}`;
    if (text.length + row.length > timingCharsMax) return `${text}, ${timingOfMore(fields.length - index + more)}`;
    text += index === 0 ? row : `, ${row}`;
  }
  return more === 0 ? text : `${text}, ${timingOfMore(more)}`;
}

function timingOfMore(count: number): string {
  return `more;desc="${count} more"`;
}
