/**
 * `Cache-Control` of a response that is the same for every viewer. It may be kept no longer than its values are fresh, and returned stale
 * no longer than its values may be.
 *
 * `must-revalidate` forbids stale responses, also those that `stale-while-revalidate` and `stale-if-error` permit, so they exclude each
 * other. https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.2, https://www.rfc-editor.org/rfc/rfc5861
 */
import type { Freshness } from './report.ts';

/** `tagged`: a CDN is purged of the response when it changes. `untagged`: it could not be, because the response has too many tags. */
export type CdnUse = 'none' | 'tagged' | 'untagged';

/** @param fields At least one. */
export function cacheControlOf(fields: readonly Freshness[], cdn: CdnUse): string {
  const browserS = secondsOf(fields, ({ http, ttlMs }) => Math.min(http.httpMs, ttlMs));
  const scope = cdn === 'untagged' ? 'private' : 'public';
  if (cdn === 'tagged') {
    const cdnS = secondsOf(fields, ({ http, ttlMs }) => Math.min(http.cdnMs, ttlMs));
    if (cdnS !== browserS)
      return [scope, `max-age=${browserS}`, `s-maxage=${cdnS}`, ...staleUse(fields, browserS)].join(', ');
  }
  if (browserS > 0) return [scope, `max-age=${browserS}`, ...staleUse(fields, browserS)].join(', ');
  if (cdn === 'untagged') return 'private, no-cache';
  // Fastly ignores `no-cache`, and keeps a response without `max-age` for two minutes.
  return cdn === 'tagged' ? 'no-cache, max-age=0' : 'no-cache';
}

/** If browsers must ask each time, they must not use a stale response either. */
function staleUse(fields: readonly Freshness[], browserS: number): readonly string[] {
  const whileRevalidateS = browserS === 0 ? 0 : secondsOf(fields, ({ http }) => http.staleMs);
  const ifErrorS = browserS === 0 ? 0 : secondsOf(fields, ({ http }) => http.staleIfErrorMs);
  const directives = [
    ...(whileRevalidateS > 0 ? [`stale-while-revalidate=${whileRevalidateS}`] : []),
    ...(ifErrorS > 0 ? [`stale-if-error=${ifErrorS}`] : []),
  ];
  return directives.length > 0 ? directives : ['must-revalidate'];
}

/** The shortest duration, in whole seconds. */
function secondsOf(fields: readonly Freshness[], msOf: (field: Freshness) => number): number {
  return Math.floor(Math.min(...fields.map(msOf)) / 1_000);
}
