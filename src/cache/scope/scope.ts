/** What a running load, or the batch of several, learns from the code inside it: see `load-scope.ts` and `shared-scope.ts`. */
import type { IsAborted } from './cancellation.ts';
import type { WriteRefusal } from '../events/events.ts';
import type { Key } from '../entry/key.ts';
import type { LoadName } from './load-cycle.ts';
import type { Stamps } from '../tags/tags.ts';

/** A cached load that runs, as the code inside it sees it. */
export interface Load {
  /**
   * The load reads what `tags` stand for, such as tables: invalidating one of them invalidates its value. A tag that the
   * policy names, or a row of which it names, is covered already.
   */
  touch(tags: readonly string[]): void;
  /**
   * The load reads something that cannot be named: its value is stored only where the policy names tags.
   *
   * @param what For the log, without values that clients sent.
   */
  touchUnknown(what: string): void;
  /**
   * The load sees what others may not see, such as an open transaction: its value is not stored, whatever its policy names.
   */
  readsUncommitted(what: string): void;
  /** The same, unless `isMet` returns true when the load has ended, such as for a transaction of its own: is it committed? */
  readsUncommittedUnless(isMet: () => boolean, what: string): void;
}

/** The methods of a load that the cache itself calls; they decide whether and for how long the value is stored. */
export interface Scope extends Load {
  /** Whether the request that it runs for was aborted. */
  readonly isAborted?: IsAborted | undefined;
  /**
   * Runs a fetch inside this load.
   *
   * @throws {CacheError} `CIRCULAR_LOAD`, see `load-cycle.ts`.
   */
  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T>;
  /** Takes over what an inner value depends on. `stamps` is undefined where the inner value is not stored. */
  join(name: LoadName, stamps: Stamps | undefined, endsAtMs: number): void;
  /**
   * The load reads what differs between requests, such as the viewer. Its value, or error, may be part of what the loads
   * around it return, so their keys must contain that too.
   *
   * @param isHeld Whether a key contains what was read.
   * @param refusal Why a value whose key does not contain it is not stored.
   * @param upTo The outermost load that this concerns. Default: all of them.
   */
  dependsOnRequest(isHeld: (key: Key) => boolean, refusal: ScopeRefusal, upTo?: Load): void;
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
