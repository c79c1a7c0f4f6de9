/** How responses tell browsers and proxies what they may keep, and how requests tell what those have. */
import type { IncomingMessage } from 'node:http';
import fresh from 'fresh';
import type { HttpCaching } from '../../graphql-cache/index.ts';

export interface CachingHeaders extends HttpCaching {
  readonly serverTiming: string | undefined;
}

/** The `Cache-Control` of a response that must not be kept, such as an error. */
export const noStore = 'no-store';

/** As pairs of name and value. The content type follows from `Accept`, and the viewer from `Authorization`. */
export function cachingHeaders({
  etag,
  cacheControl,
  isForEveryone,
  cdnTags,
  serverTiming,
}: CachingHeaders): [string, string][] {
  const headers: [string, string][] = [
    ['etag', etag],
    ['cache-control', cacheControl],
    ['vary', isForEveryone ? 'accept' : 'accept, authorization'],
  ];
  // For whichever CDN is in front; a CDN that does not know one of them passes it on.
  if (cdnTags !== undefined) headers.push(['cache-tag', cdnTags.cacheTag], ['surrogate-key', cdnTags.surrogateKey]);
  if (serverTiming !== undefined) headers.push(['server-timing', serverTiming]);
  return headers;
}

/** The value of `Vary` with another name added. Both may be empty. */
export function withVary(vary: string, name: string): string {
  return vary === '' || name === '' ? `${vary}${name}` : `${vary}, ${name}`;
}

/**
 * Whether the client has the response already. `Cache-Control: no-cache` in its request does not matter, because it is meant for caches
 * on the way: `fetch` sends it with every `ETag` that a program sets itself.
 */
export function clientHas({ headers }: IncomingMessage, etag: string): boolean {
  const { 'if-none-match': noneMatch } = headers;
  return noneMatch !== undefined && fresh({ 'if-none-match': noneMatch }, { etag });
}
