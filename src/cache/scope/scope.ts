/** How code inside a load, or inside a batch that serves several, reports what it reads. See `load-scope.ts`, `shared-scope.ts`. */
import type { IsAborted } from './cancellation.ts';
import type { WriteRefusal } from '../events/events.ts';
import type { Key } from '../entry/key.ts';
import type { LoadName } from './load-cycle.ts';
import type { Stamps } from '../tags/tags.ts';

/** A running cached load, as the code inside it sees it. */
export interface Load {
  /**
   * The load reads what `tags` stand for, such as tables: invalidating one of them invalidates its value. A tag that the
   * policy names, or of which it names a row, is already covered.
   */
  touch(tags: readonly string[]): void;
  /**
   * The load reads a source that has no name: its value is stored only if the policy names tags.
   *
   * @param what For the log, without values that clients sent.
   */
  touchUnknown(what: string): void;
  /** The load reads data that others cannot see yet, such as in an open transaction: its value is never stored. */
  readsUncommitted(what: string): void;
  /** The same, unless `isMet` returns true after the load, for instance because the load's own transaction is committed. */
  readsUncommittedUnless(isMet: () => boolean, what: string): void;
}

/** The methods of a load that the cache itself calls. They decide whether and for how long the value is stored. */
export interface Scope extends Load {
  /** Whether the request that the load runs for was aborted. */
  readonly isAborted?: IsAborted | undefined;
  /**
   * Runs a fetch inside this load.
   *
   * @throws {CacheError} `CIRCULAR_LOAD`, see `load-cycle.ts`.
   */
  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T>;
  /** Takes over what an inner value depends on. `stamps` is undefined if the inner value is not stored. */
  join(name: LoadName, stamps: Stamps | undefined, endsAtMs: number): void;
  /**
   * The load reads what differs between requests, such as the viewer. Its value or error may become part of what the enclosing
   * loads return, so their keys must contain it too.
   *
   * @param isInKey Whether a key contains what was read.
   * @param refusal Why a value whose key does not contain it is not stored.
   * @param upTo The outermost load that this concerns. Default: all of them.
   */
  dependsOnRequest(isInKey: (key: Key) => boolean, refusal: ScopeRefusal, upTo?: Load): void;
  /** The load reads the viewer of its request. */
  readsViewer(what: string | undefined): void;
}

/** Why a value is not stored: its load has read something that its key or its tags do not cover. */
export interface ScopeRefusal {
  readonly refusal: Exclude<WriteRefusal, 'unencodable' | 'too-large' | 'lease-lost'>;
  readonly what?: string;
}

/** Why a public value is not stored: its load has read the viewer. */
export function viewerRefusal(what: string | undefined): ScopeRefusal {
  return { refusal: 'viewer-dependent', ...(what === undefined ? {} : { what }) };
}
