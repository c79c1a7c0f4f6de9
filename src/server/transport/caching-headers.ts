/** How answers tell browsers and proxies what they may keep, and are told what those have. */
import type { IncomingMessage } from 'node:http';
import fresh from 'fresh';
import type { HttpCaching } from '../../pothos-cache/index.ts';

export interface CachingHeaders extends HttpCaching {
  readonly serverTiming: string | undefined;
}

/** The `Cache-Control` of what may not be kept, such as an error. */
export const noStore = 'no-store';

/** As pairs of name and value. The type of an answer follows from `Accept`, and who asks from `Authorization`. */
export function cachingHeaders({
  etag,
  cacheControl,
  isForEveryone,
  serverTiming,
}: CachingHeaders): [string, string][] {
  const headers: [string, string][] = [
    ['etag', etag],
    ['cache-control', cacheControl],
    ['vary', isForEveryone ? 'accept' : 'accept, authorization'],
  ];
  if (serverTiming !== undefined) headers.push(['server-timing', serverTiming]);
  return headers;
}

/** The value of `Vary` with another name in it. Both may be empty. */
export function withVary(vary: string, name: string): string {
  return vary === '' || name === '' ? `${vary}${name}` : `${vary}, ${name}`;
}

/**
 * Whether the client has the answer already. That it sent `Cache-Control: no-cache` does not matter, which is for caches on
 * the way: `fetch` sends it wherever a program asks with an `ETag` of its own.
 */
export function clientHas({ headers }: IncomingMessage, etag: string): boolean {
  const { 'if-none-match': noneMatch } = headers;
  return noneMatch !== undefined && fresh({ 'if-none-match': noneMatch }, { etag });
}
