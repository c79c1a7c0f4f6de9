/**
 * Answers that are ready: what a request was answered with, given again to the same request while each of its fields would
 * be given the same entry. Nothing is parsed, validated, executed or written then.
 *
 * An answer is kept only where it follows from those entries alone (`pure-operation.ts`), and nothing failed. It is found
 * by the whole text of its request, variables included, so that nothing of that has to be understood first. Whether its
 * entries would be given is decided each time, by the memory tier or else by the store: what is invalidated, replaced or has
 * ended takes its answers along. Bounded in bytes; what was used least recently goes first.
 */
import type { ExecutionArgs, ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Cache, EntryRef, RevalidatedHit } from '../cache/index.ts';
import { CompressedBodies } from './compressed-bodies.ts';
import { cacheControlOf, etagOf, serverTimingOf } from './http-caching.ts';
import { isPure } from './pure-operation.ts';
import { fieldHitsOf, reportWriter, rowsOfHits, type FieldHit } from './report.ts';

/** An answer that may be given again, once it is known how it was sent. */
export interface CacheableResult {
  readonly fields: readonly FieldHit[];
  /** As JSON. */
  readonly data: string;
}

/** What a request is answered with: status 200, or 304 where it is a GET of who has this `ETag`. */
export interface CachedResponse {
  readonly contentType: string;
  /** JSON in two parts: what differs each time, if anything, in ASCII, and the rest in UTF-8, which is not to be changed. */
  readonly head: string;
  readonly body: Buffer;
  /** Of the body, for a server that sends it compressed. */
  readonly forms: CompressedBodies;
  /** How many of the engine's entries it consists of. */
  readonly hits: number;
  /** From `Sent`. */
  readonly label: string | undefined;
  /** How whoever gets it may keep it; it is the same whoever asks. Undefined where it was not said that it goes to a GET. */
  readonly http: CachedResponseHeaders | undefined;
}

/** What the answer to a GET says in its headers, beside `Vary`. */
export interface CachedResponseHeaders {
  readonly etag: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
  /** The value of `Server-Timing`: the report. Undefined where there is none. */
  readonly serverTiming: string | undefined;
}

/** How an answer was sent. */
export interface ResponseForm {
  readonly contentType: string;
  /** Whether to a GET: its report is told by a header, so that its bytes are the same each time. */
  readonly isGet: boolean;
  /** Returned with the answer each time, for the caller's log. */
  readonly label?: string | undefined;
}

/** What `ResponseCache` is made with. */
export interface ResponseCacheOptions {
  /** The engine that fields are cached in. */
  readonly engine: Cache;
  /** The size of all answers together, in bytes, 1 or more. */
  readonly bytesMax: number;
  /** Whether answers have `extensions.cache`, or, to a GET, `Server-Timing`. */
  readonly hasReport: boolean;
}

interface Kept {
  readonly contentType: string;
  readonly label: string | undefined;
  readonly fields: readonly FieldHit[];
  readonly held: readonly EntryRef[];
  /** Undefined where the head is empty. */
  readonly report: ((hits: readonly RevalidatedHit[]) => string) | undefined;
  /** What follows the head. */
  readonly body: Buffer;
  readonly forms: CompressedBodies;
  /** Undefined unless it goes to a GET. */
  readonly etag: string | undefined;
}

/** Longer requests are answered as usual. */
const requestCharsMax = 8_192;
/** What an answer, and a field of it, costs beside its texts. Measured, roughly. */
const overheadBytes = 700;
/** What a tag of a field costs, its token included. Measured, roughly. */
const stampBytes = 200;

/** The answers of one server that are ready. They are of one schema, which does not change any more. */
export class ResponseCache {
  readonly #engine: Cache;
  readonly #hasReport: boolean;
  readonly #kept: LRUCache<string, Kept>;

  constructor({ engine, bytesMax, hasReport }: ResponseCacheOptions) {
    this.#engine = engine;
    this.#hasReport = hasReport;
    this.#kept = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: ({ body, forms, held }, request) =>
        2 * request.length +
        body.length +
        forms.bytes +
        overheadBytes * (1 + held.length) +
        stampBytes * countStamps(held),
    });
  }

  /**
   * The answer to a request, where it is ready; the engine's listeners hear of its hits.
   *
   * @param request All that an answer depends on beside what is cached, in one text that no other request has: method, URL,
   *   `Accept`, body. What of the context only private and varied fields depend on need not be in it.
   * @param from What asks, as `PluginOptions.request` tells of its context.
   * @returns A promise where only the store can tell; it does not reject for a fault of the store.
   */
  get(request: string, from?: object): CachedResponse | undefined | Promise<CachedResponse | undefined> {
    const kept = this.#kept.get(request);
    if (kept === undefined) return undefined;
    const hits = this.#engine.revalidate(kept.held, from);
    return hits instanceof Promise ? hits.then((found) => this.#answer(kept, found)) : this.#answer(kept, hits);
  }

  /**
   * What of an executed operation's answer may be given again; undefined where that is nothing. To be asked before anything
   * is put into the result's `extensions`: of what is there nobody knows whether it is the same each time.
   */
  cacheable(args: ExecutionArgs, { data, errors, extensions }: ExecutionResult): CacheableResult | undefined {
    if (errors !== undefined || extensions !== undefined || !data) return undefined;
    const fields = fieldHitsOf(args.contextValue as object);
    return fields === undefined || !isPure(args) ? undefined : { fields, data: JSON.stringify(data) };
  }

  /** Keeps an answer that was sent to `request`, the same text as for `get`: it is what 200 goes with. */
  set(request: string, { fields, data }: CacheableResult, { contentType, isGet, label }: ResponseForm): void {
    if (request.length > requestCharsMax) return;
    const held = fields.map((field) => field.held);
    const report = this.#hasReport && !isGet ? reportWriter(fields) : undefined;
    const body = bytesOf(`${report === undefined ? '{' : ''}"data":${data}}`);
    const forms = new CompressedBodies((grown) => this.#measureAgain(request, grown));
    const etag = isGet ? etagOf(data) : undefined;
    this.#kept.set(request, { contentType, label, fields, held, report, body, forms, etag });
  }

  /** A new object, because the size of one that is there already is not asked for again. */
  #measureAgain(request: string, forms: CompressedBodies): void {
    const kept = this.#kept.peek(request);
    if (kept?.forms === forms) this.#kept.set(request, { ...kept });
  }

  #answer(kept: Kept, hits: readonly RevalidatedHit[] | undefined): CachedResponse | undefined {
    if (hits === undefined) return undefined;
    const { contentType, label, report, body, forms } = kept;
    const head = report === undefined ? '' : `{"extensions":{"cache":${report(hits)}},`;
    return { contentType, head, body, forms, hits: hits.length, label, http: this.#http(kept, hits) };
  }

  #http({ fields, etag }: Kept, hits: readonly RevalidatedHit[]): CachedResponseHeaders | undefined {
    if (etag === undefined) return undefined;
    const lasting = hits.map(({ ttlMs }, index) => ({ httpMs: fields[index]?.httpMs, ttlMs }));
    const serverTiming = this.#hasReport ? serverTimingOf({ fields: rowsOfHits(fields, hits) }) : undefined;
    return { etag, cacheControl: cacheControlOf(lasting), serverTiming };
  }
}

function countStamps(all: readonly EntryRef[]): number {
  return all.reduce((count, { stamps }) => count + Object.keys(stamps).length, 0);
}

/** In memory of its own: a piece of Node's pool would keep all of that alive. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
