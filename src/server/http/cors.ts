/**
 * Which pages of other sites may read responses. https://fetch.spec.whatwg.org/#http-cors-protocol
 *
 * Credentials are never allowed: the API reads no cookies, and a page that knows a token sends it in `Authorization` itself.
 * Requests of other pages are served all the same; their browser keeps the response from them.
 */
import type { IncomingMessage } from 'node:http';
import type { Log } from '../log.ts';
import { RequestRefused } from '../transport/request-refused.ts';

/** The headers of every response of the API. */
export interface CorsHeaders {
  /** Names and values in turn. */
  readonly list: readonly string[];
  /** What else the response depends on; empty: nothing. */
  readonly vary: '' | 'origin';
}

export interface CorsOptions {
  /** Such as `https://shop.example`, or `*` alone. An empty list allows no other site. */
  readonly origins: readonly string[];
  readonly log: Log;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
}

const exposed = ['access-control-expose-headers', 'etag, retry-after, server-timing, x-request-id'] as const;
const preflightSecondsMax = 7_200;
const none: CorsHeaders = { list: [], vary: '' };
const refused: CorsHeaders = { list: [], vary: 'origin' };

/** The number of refused origins that the log names per minute, each once: clients must not be able to fill it. */
const refusalsPerMinute = 10;
const originCharsMax = 100;

export class Cors {
  readonly #origins: ReadonlySet<string>;
  readonly #isOpen: boolean;
  readonly #log: Log;
  readonly #nowMs: () => number;
  #toldSinceMs = Number.NEGATIVE_INFINITY;
  readonly #told = new Set<string>();

  constructor({ origins, log, nowMs = () => performance.now() }: CorsOptions) {
    this.#origins = new Set(origins);
    this.#isOpen = this.#origins.has('*');
    this.#log = log;
    this.#nowMs = nowMs;
  }

  headersFor({ headers }: Pick<IncomingMessage, 'headers'>): CorsHeaders {
    const { origin } = headers;
    if (this.#isOpen) return { list: ['access-control-allow-origin', '*', ...exposed], vary: '' };
    // A response without an origin depends on it as well: a cache must not return it to a page.
    const others = this.#origins.size === 0 ? none : refused;
    if (origin === undefined) return others;
    if (this.#origins.has(origin)) {
      return { list: ['access-control-allow-origin', origin, ...exposed], vary: 'origin' };
    }
    if (!isSameOrigin(origin, headers)) this.#tell(origin);
    return others;
  }

  /**
   * The headers that tell a browser whether a page may send a request.
   *
   * @param cors What `headersFor` returned for it.
   * @throws {RequestRefused} 403 if the page's origin is not allowed.
   */
  preflight({ headers }: IncomingMessage, cors: CorsHeaders): Record<string, string> {
    if (cors.list.length === 0) {
      const message = `Pages of ${printable(headers.origin ?? '')} may not use this API: CORS_ORIGINS does not name them.`;
      throw new RequestRefused(403, 'BAD_USER_INPUT', message);
    }
    const asked = (headers['access-control-request-headers'] ?? '').split(',').map((name) => name.trim().toLowerCase());
    const names = asked.filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name));
    return {
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': names.length === 0 ? 'authorization, content-type' : names.join(', '),
      'access-control-max-age': String(preflightSecondsMax),
      vary: 'access-control-request-headers',
    };
  }

  #tell(origin: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldSinceMs >= 60_000) {
      this.#toldSinceMs = nowMs;
      this.#told.clear();
    }
    const shown = printable(origin);
    if (this.#told.has(shown) || this.#told.size >= refusalsPerMinute) return;
    this.#told.add(shown);
    const others = [...this.#origins].join(',');
    const wanted = others === '' ? shown : `${others},${shown}`;
    const remedy = canBeNamed(origin) ? `set CORS_ORIGINS=${wanted} to allow it` : 'only CORS_ORIGINS=* would allow it';
    this.#log.warn({ origin: shown }, `CORS: a page of ${shown} may not read the answers; ${remedy}`);
  }
}

/** Whether a browser asks for permission to send another request. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Browsers send the origin with each POST, also those of the console's own page. */
function isSameOrigin(origin: string, { host, 'sec-fetch-site': site }: IncomingMessage['headers']): boolean {
  return site === 'same-origin' || (host !== undefined && origin.replace(/^https?:\/\//, '') === host.toLowerCase());
}

/** As a browser would send it, so that it can be used in `CORS_ORIGINS`. */
function canBeNamed(origin: string): boolean {
  return origin.length <= originCharsMax && /^https?:/.test(origin) && originIn(origin) === origin;
}

function originIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

/** For a log line or a message. */
function printable(origin: string): string {
  const text = origin.replaceAll(/[^\x21-\x7e]/g, '?');
  return text.length > originCharsMax ? `${text.slice(0, originCharsMax)}…` : text;
}
