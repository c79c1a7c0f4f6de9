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
import type { Cdn, CdnTags } from '../cache/index.ts';
import { cacheControlOf, type CdnUse } from './cache-control.ts';
import { isPure } from './pure-operation.ts';
import { storedFieldsOf, type CacheReport } from './report.ts';

/** The caching headers of a response to a GET request. */
export interface HttpCaching {
  readonly etag: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
  /** Whether the response is the same for every viewer. */
  readonly isForEveryone: boolean;
  /** What a CDN purges it by; undefined without a CDN, and for a response that a CDN must not keep. */
  readonly cdnTags: CdnTags | undefined;
}

/**
 * How the response of an executed operation may be cached; undefined if it may not: it has errors, or is not a query.
 *
 * @param dataText Its `data` as JSON.
 * @param options.cdn From `createCdn`, for a server behind a CDN that is purged.
 */
export function httpCachingOf(
  args: ExecutionArgs,
  { errors }: ExecutionResult,
  dataText: string,
  options: { readonly cdn?: Cdn | undefined } = {},
): HttpCaching | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  if (errors !== undefined || operation?.operation !== OperationTypeNode.QUERY) return undefined;
  const stored = isPure(args) ? storedFieldsOf(args.contextValue as object) : undefined;
  const etag = etagOf(dataText);
  if (stored === undefined)
    return { etag, cacheControl: 'private, no-cache', isForEveryone: false, cdnTags: undefined };
  const { cdn } = options;
  const cdnTags = cdn?.tagsOf(stored.map(({ value }) => value));
  const cacheControl = cacheControlOf(stored, cdnUseOf(cdn, cdnTags));
  return { etag, cacheControl, isForEveryone: true, cdnTags };
}

/** How a CDN may use a response for everyone with these tags. */
export function cdnUseOf(cdn: Cdn | undefined, tags: CdnTags | undefined): CdnUse {
  if (cdn === undefined) return 'none';
  return tags === undefined ? 'untagged' : 'tagged';
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
