/**
 * The response cache: a request receives the response that an equal request received before, while the entry of each of its
 * fields is still valid. Nothing is parsed, validated, executed or serialised then.
 *
 * A response is kept only if it follows from those entries alone (`pure-operation.ts`) and contains no errors. It is found by the
 * whole text of its request, including variables, so that nothing has to be parsed. Its entries are revalidated each time, by the
 * memory tier or the store: a response is not used any more when one of its entries is invalidated, replaced or expired. Bounded
 * in bytes; the least recently used responses are evicted first.
 */
import type { ExecutionArgs, ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import {
  checkOptions,
  type Cache,
  type Cdn,
  type CdnTags,
  type EntryRef,
  type OptionRule,
  type RevalidatedHit,
} from '../cache/index.ts';
import { CompressedBodies } from './compressed-bodies.ts';
import { cacheControlOf } from './cache-control.ts';
import { cdnUseOf, etagOf, serverTimingOf } from './http-caching.ts';
import { engineRule } from './schema-cache-options.ts';
import { isPure } from './pure-operation.ts';
import { fieldHitsOf, reportWriter, rowsOfHits, type FieldHit } from './report.ts';

/** A result that may be cached, once it is known how it was sent. */
export interface CacheableResult {
  readonly fields: readonly FieldHit[];
  /** As JSON. */
  readonly data: string;
}

/** A response with status 200, or 304 for a GET request of a client that has this `ETag`. */
export interface CachedResponse {
  readonly contentType: string;
  /** JSON in two parts: the part that differs each time, in ASCII and possibly empty; and the rest, in UTF-8. Do not change it. */
  readonly head: string;
  readonly body: Buffer;
  /** Other forms of the body, for a server that compresses it. */
  readonly forms: CompressedBodies;
  /** The number of entries that it consists of. */
  readonly hits: number;
  /** From `ResponseForm`. */
  readonly label: string | undefined;
  /** The caching headers for a GET request, the same for every viewer; undefined for other methods. */
  readonly http: CachedResponseHeaders | undefined;
}

/** The headers of a response to a GET request, besides `Vary`. */
export interface CachedResponseHeaders {
  readonly etag: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
  /** What a CDN purges it by; undefined without a CDN, and if a CDN must not keep the response. */
  readonly cdnTags: CdnTags | undefined;
  /** The report, as the value of `Server-Timing`; undefined if there is none. */
  readonly serverTiming: string | undefined;
}

/** How a response was sent. */
export interface ResponseForm {
  readonly contentType: string;
  /** Whether it answered a GET request: its report is sent in a header, so that its bytes are the same each time. */
  readonly isGet: boolean;
  /** Returned with the response each time, for the caller's log. */
  readonly label?: string | undefined;
}

/** The options of a `ResponseCache`. */
export interface ResponseCacheOptions {
  /** The engine that fields are cached in. */
  readonly engine: Cache;
  /** The maximum size of all responses together, in bytes, at least 1. */
  readonly bytesMax: number;
  /** Whether responses contain `extensions.cache`, or, to GET requests, `Server-Timing`. */
  readonly hasReport: boolean;
  /** From `createCdn`, for a server behind a CDN that is purged. Default: none. */
  readonly cdn?: Cdn | undefined;
}

const rules: Readonly<Record<keyof ResponseCacheOptions, OptionRule>> = {
  engine: { ...engineRule, isRequired: true },
  bytesMax: {
    must: 'a whole number, at least 1',
    isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
    isRequired: true,
  },
  hasReport: { must: 'true or false', isRight: (value) => typeof value === 'boolean', isRequired: true },
  cdn: { must: 'what createCdn returns', isRight: isCdn },
};

interface CachedOperation {
  readonly contentType: string;
  readonly label: string | undefined;
  readonly fields: readonly FieldHit[];
  readonly entryRefs: readonly EntryRef[];
  /** Undefined if the first part is empty. */
  readonly report: ((hits: readonly RevalidatedHit[]) => string) | undefined;
  /** The second part. */
  readonly body: Buffer;
  readonly forms: CompressedBodies;
  /** Undefined unless it answers GET requests. */
  readonly etag: string | undefined;
  readonly cdnTags: CdnTags | undefined;
}

/** Responses to longer requests are not cached. */
const requestCharsMax = 8_192;
/** The size of a response, and of each of its fields, besides its texts. Measured, approximately. */
const overheadBytes = 700;
/** How often the texts of `CdnTags` are in memory. */
const cdnTagsCopies = 3;
/** The size of a tag of a field, with its token. Measured, approximately. */
const stampBytes = 200;

/** The cached responses of one server. They belong to one schema, which must not change any more. */
export class ResponseCache {
  readonly #engine: Cache;
  readonly #hasReport: boolean;
  readonly #cdn: Cdn | undefined;
  readonly #responses: LRUCache<string, CachedOperation>;

  /** @throws {CacheError} `INVALID_OPTIONS`. */
  constructor(options: ResponseCacheOptions) {
    checkOptions('ResponseCache', options, rules);
    const { engine, bytesMax, hasReport, cdn } = options;
    this.#engine = engine;
    this.#cdn = cdn;
    this.#hasReport = hasReport;
    this.#responses = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: ({ body, forms, entryRefs, cdnTags }, request) =>
        2 * request.length +
        body.length +
        forms.bytes +
        cdnTagsCopies * (cdnTags?.cacheTag.length ?? 0) +
        overheadBytes * (1 + entryRefs.length) +
        stampBytes * countStamps(entryRefs),
    });
  }

  /**
   * Returns the cached response to a request. The engine's listeners receive its hits.
   *
   * @param request Everything that the response depends on besides cached values, in a text that no other request has: method,
   *   URL, `Accept`, body. It need not contain what only private and varied fields depend on.
   * @param from Identifies the request, as `SchemaCacheOptions.request` does for its context.
   * @returns A promise if the store has to be asked. It does not reject because of a fault of the store.
   */
  get(request: string, from?: object): CachedResponse | undefined | Promise<CachedResponse | undefined> {
    const cached = this.#responses.get(request);
    if (cached === undefined) return undefined;
    const hits = this.#engine.revalidate(cached.entryRefs, from);
    return hits instanceof Promise ? hits.then((found) => this.#response(cached, found)) : this.#response(cached, hits);
  }

  /**
   * Returns the part of an executed operation's result that may be cached; undefined if there is none. Call it before anything is added to the
   * result's `extensions`, which might differ each time.
   */
  cacheable(args: ExecutionArgs, { data, errors, extensions }: ExecutionResult): CacheableResult | undefined {
    if (errors !== undefined || extensions !== undefined || !data) return undefined;
    const fields = fieldHitsOf(args.contextValue as object);
    return fields === undefined || !isPure(args) ? undefined : { fields, data: JSON.stringify(data) };
  }

  /** Caches the response that was sent, with status 200, to `request`, the same text as for `get`. */
  set(request: string, { fields, data }: CacheableResult, { contentType, isGet, label }: ResponseForm): void {
    if (request.length > requestCharsMax) return;
    const entryRefs = fields.map((field) => field.entryRef);
    const report = this.#hasReport && !isGet ? reportWriter(fields) : undefined;
    const body = bytesOf(`${report === undefined ? '{' : ''}"data":${data}}`);
    const forms = new CompressedBodies((grown) => this.#remeasure(request, grown));
    const etag = isGet ? etagOf(data) : undefined;
    const cdnTags = isGet ? this.#cdn?.tagsOf(entryRefs) : undefined;
    this.#responses.set(request, { contentType, label, fields, entryRefs, report, body, forms, etag, cdnTags });
  }

  /** A new object, because the cache does not measure an object that it already contains again. */
  #remeasure(request: string, forms: CompressedBodies): void {
    const cached = this.#responses.peek(request);
    if (cached?.forms === forms) this.#responses.set(request, { ...cached });
  }

  #response(cached: CachedOperation, hits: readonly RevalidatedHit[] | undefined): CachedResponse | undefined {
    if (hits === undefined) return undefined;
    const { contentType, label, report, body, forms } = cached;
    const head = report === undefined ? '' : `{"extensions":{"cache":${report(hits)}},`;
    return { contentType, head, body, forms, hits: hits.length, label, http: this.#http(cached, hits) };
  }

  #http(
    { fields, etag, cdnTags }: CachedOperation,
    hits: readonly RevalidatedHit[],
  ): CachedResponseHeaders | undefined {
    if (etag === undefined) return undefined;
    const freshness = fields.map(({ http }, index) => ({ http, ttlMs: hits[index]?.ttlMs ?? 0 }));
    const serverTiming = this.#hasReport ? serverTimingOf({ fields: rowsOfHits(fields, hits) }) : undefined;
    const cacheControl = cacheControlOf(freshness, cdnUseOf(this.#cdn, cdnTags));
    return { etag, cacheControl, cdnTags, serverTiming };
  }
}

/** Recognised by its methods, as an engine is. */
function isCdn(value: unknown): boolean {
  return typeof (value as Partial<Cdn> | null)?.tagsOf === 'function';
}

function countStamps(all: readonly EntryRef[]): number {
  return all.reduce((count, { stamps }) => count + Object.keys(stamps).length, 0);
}

/** In memory of its own: a slice of Node's pool would keep the whole pool in memory. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
