/**
 * How the answer to a GET may be kept by browsers and proxies: as the policies of its fields say, and no further. Whoever
 * keeps one asks each time whether it still holds, and is told by its `ETag`, unless all that it was made of allows otherwise.
 *
 * For everyone is only what follows from public cached values that are stored: of anything else it is not known whom it is
 * for. https://www.rfc-editor.org/rfc/rfc9111
 */
import { createHash } from 'node:crypto';
import { getOperationAST, OperationTypeNode, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { isPure } from './pure-operation.ts';
import { storedFieldsOf, type CacheReport, type Lasting } from './report.ts';

/** What an answer to a GET says of itself. */
export interface HttpCaching {
  readonly etag: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
  /** Whether it is the same whoever asks. */
  readonly isForEveryone: boolean;
}

/**
 * How the answer of an executed operation may be kept; undefined where it may not: it has errors, or is no query.
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

/** Of what is for everyone. Nobody may keep it for longer than its values are fresh. */
export function cacheControlOf(fields: readonly Lasting[]): string {
  const maxAgesMs = fields.map(({ httpMs = 0, ttlMs }) => Math.min(httpMs, ttlMs));
  const maxAgeS = Math.floor(Math.min(...maxAgesMs) / 1_000);
  return maxAgeS > 0 ? `public, max-age=${maxAgeS}, must-revalidate` : 'no-cache';
}

/** Weak: an answer of another content type, or compressed on its way, has it too. */
export function etagOf(dataText: string): string {
  return `W/"${createHash('sha256').update(dataText).digest('base64url')}"`;
}

/** A proxy that is told of more refuses the answer. */
const timingCharsMax = 2_000;
const pathCharsMax = 80;

/**
 * The report of an answer as the value of `Server-Timing`, which a browser shows beside the request: `dur` in milliseconds.
 * Rows beyond some 2,000 characters are only counted.
 */
export function serverTimingOf({ fields, more = 0 }: CacheReport): string {
  let text = '';
  for (const [index, { path, field, state, tier, durationMs, ageMs }] of fields.entries()) {
    const where = path.join('.').slice(0, pathCharsMax);
    const what = [state, tier, ageMs === null ? null : `age ${ageMs} ms`].filter((word) => word !== null).join(', ');
    const row = `${field};desc="${where}: ${what}";dur=${durationMs}`;
    if (text.length + row.length > timingCharsMax) return `${text}, ${timingOfMore(fields.length - index + more)}`;
    text += index === 0 ? row : `, ${row}`;
  }
  return more === 0 ? text : `${text}, ${timingOfMore(more)}`;
}

function timingOfMore(count: number): string {
  return `more;desc="${count} more"`;
}
