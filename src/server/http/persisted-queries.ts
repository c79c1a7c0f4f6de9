/**
 * Automatic persisted queries: a client sends the SHA-256 of a document instead of the document. A server that does not know it
 * says so, and the client sends both once. https://www.apollographql.com/docs/apollo-server/performance/apq
 *
 * A document is found only by the hash that was computed from it, so no client can replace it by another one. It is parsed, limited
 * and executed as if it had been sent. `@graphql-yoga/plugin-apq` does the same inside Yoga, which requests on the faster paths
 * never reach, and it counts documents but not their bytes.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RequestRefused } from '../transport/request-refused.ts';

const countMax = 1_000;
const bytesMax = 8_000_000;
/** The size of an entry besides its texts, in bytes. */
const overheadBytes = 200;

/** The limits of all documents together. The least recently used are evicted first. */
interface Bounds {
  readonly countMax: number;
  readonly bytesMax: number;
}

/** Documents, by their hashes. */
export class PersistedQueries {
  readonly #documents: LRUCache<string, string>;

  constructor(bounds: Bounds = { countMax, bytesMax }) {
    this.#documents = new LRUCache({
      max: bounds.countMax,
      maxSize: bounds.bytesMax,
      sizeCalculation: (document, hash) => 2 * (document.length + hash.length) + overheadBytes,
    });
  }

  /**
   * Returns the document that a request means.
   *
   * @param extensions The request's, of any type.
   * @param query The document that it sends, if any.
   * @returns Undefined if it neither sends nor names one.
   * @throws {RequestRefused} 200 with `PERSISTED_QUERY_NOT_FOUND`; 400 if hash and document do not match, or there is no hash.
   */
  documentOf(extensions: unknown, query: string | undefined): string | undefined {
    const named = persistedQueryIn(extensions);
    if (named === undefined) return query;
    const hash = hashIn(named);
    const known = this.#documents.get(hash);
    if (query === undefined) {
      if (known !== undefined) return known;
      throw new RequestRefused(200, 'PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
    }
    if (known === query) return query;
    if (createHash('sha256').update(query).digest('hex') !== hash) {
      throw new RequestRefused(
        400,
        'BAD_USER_INPUT',
        'The sha256Hash of the persisted query is not that of the query.',
      );
    }
    this.#documents.set(hash, query);
    return query;
  }
}

function persistedQueryIn(extensions: unknown): unknown {
  if (typeof extensions !== 'object' || extensions === null || Array.isArray(extensions)) return undefined;
  return 'persistedQuery' in extensions ? (extensions.persistedQuery ?? undefined) : undefined;
}

function hashIn(named: unknown): string {
  if (typeof named === 'object' && named !== null && 'version' in named && 'sha256Hash' in named) {
    const { version, sha256Hash } = named;
    if (version === 1 && typeof sha256Hash === 'string' && /^[0-9a-f]{64}$/i.test(sha256Hash))
      return sha256Hash.toLowerCase();
  }
  const rule = 'extensions.persistedQuery must be {"version": 1, "sha256Hash": "<64 hexadecimal digits>"}';
  throw new RequestRefused(400, 'BAD_USER_INPUT', `${rule}.`);
}
