/**
 * Records what a load reads while it runs, which decides what its value depends on.
 *
 * - What the load *touches*, such as the tables of its SQL, becomes tags of the value, which is stored only if all of them
 *   were captured before the load began. A source without a name prevents storing, unless the policy names tags itself.
 * - A load inside a load: the outer value depends on the inner one, so the outer entry takes over the inner stamps and lives no
 *   longer than the inner entry. An inner value that is not stored prevents storing the outer one. So does a value of another
 *   cache: its tokens are not in this cache's store, so what invalidates it would leave the outer value valid.
 * - The load of a child field depends on its parent entry, and takes over the stamps likewise.
 * - A load may read what differs between requests: the viewer, or the selected fields. If its key does not contain that, the
 *   value is personal, returned to its own request and not stored. Neither is a value that depends on it, unless the key of
 *   that value contains it.
 */
import { AsyncContext } from '../../async-context/index.ts';
import { awaitWithItems } from './await-with-items.ts';
import type { IsAborted } from './cancellation.ts';
import { isVisibleTo, type Key, type ViewerId } from '../entry/key.ts';
import { LoadRun, type LoadName } from './load-cycle.ts';
import type { Dependency } from '../entry/entry.ts';
import { viewerRefusal, type Load, type Scope, type ScopeRefusal } from './scope.ts';
import { SharedScope } from './shared-scope.ts';
import { covers, type FetchTags, type Stamps } from '../tags/tags.ts';

const running = new AsyncContext<Scope>();

/** Returns the load that the calling code runs in; undefined outside of all cached loads. */
export function currentLoad(): Load | undefined {
  return running.get();
}

/**
 * Runs `work` on behalf of several loads, such as a batch that serves them all: what it touches and fetches counts for each
 * of them. With an empty list, it runs outside of all loads.
 *
 * @param loads From `currentLoad`.
 * @returns What `work` returns, awaited, including the items of lists. What a thenable does in its `then` counts too.
 */
export function runForLoads<T>(loads: readonly Load[], work: () => T | PromiseLike<T>): Promise<T> {
  const scopes = new Set(loads.flatMap((load) => (load instanceof SharedScope ? load.scopes : load)));
  const [first, ...others] = [...scopes].filter((load) => load instanceof LoadScope);
  const awaited = (): Promise<T> => awaitWithItems(work);
  if (first === undefined) return running.exit(awaited);
  return running.run(others.length === 0 ? first : new SharedScope([first, ...others]), awaited);
}

export class LoadScope implements Scope {
  /** The scope of the load that the calling code runs in. */
  static current(): Scope | undefined {
    return running.get();
  }

  /** Runs `work` outside of all loads. */
  static outside<T>(work: () => T): T {
    return running.exit(work);
  }

  readonly isAborted: IsAborted | undefined;
  readonly #cache: LoadName['cache'];
  readonly #key: Key;
  readonly #outer = running.get();
  readonly #run: LoadRun;
  readonly #tags: FetchTags;
  /** The tokens captured before the load. */
  readonly #captured: ReadonlyMap<string, string>;
  readonly #stamps = new Map<string, string>();
  readonly #touched = new Set<string>();
  /** When the first of the inner values expires. */
  #endsAtMs = Infinity;
  #refusal: ScopeRefusal | undefined;
  readonly #conditions: { readonly isMet: () => boolean; readonly what: string }[] = [];
  #personal: ScopeRefusal | undefined;
  #hasReadUncommitted = false;

  /** @param load.captured The tokens of all its tags from before the load; undefined if nothing is to be stored. */
  constructor(
    name: LoadName,
    load: Pick<Scope, 'isAborted'> & { key: Key; tags: FetchTags; captured: Stamps | undefined },
  ) {
    this.isAborted = load.isAborted;
    this.#cache = name.cache;
    this.#key = load.key;
    this.#run = new LoadRun(name);
    this.#tags = load.tags;
    this.#captured = new Map(Object.entries(load.captured ?? {}));
    for (const tag of load.tags.required) this.#stampAsCaptured(tag);
  }

  /** Runs the load. Everything that it returns has settled, including the items of lists, before its scope ends. */
  run<T>(load: () => T | PromiseLike<T>): Promise<T> {
    return this.#run.during(() => running.run(this, () => awaitWithItems(load)));
  }

  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    return this.#run.waitingFor(name, fetch);
  }

  /** The load depends on this value. The TTL of that value does not matter: the policy of a child field accounts for it. */
  dependOn({ key, stamps }: Dependency): void {
    this.dependsOnRequest((own) => isVisibleTo(own, key), { refusal: 'viewer-dependent', what: key.field });
    // A parent that was loaded for one selection may lack everything else.
    const isInKey = (own: Key): boolean => key.selection === undefined || own.selection !== undefined;
    this.dependsOnRequest(isInKey, { refusal: 'reads-selection', what: key.field }, this);
    this.#takeOver(stamps);
  }

  touch(tags: readonly string[]): void {
    for (const tag of tags) {
      if (this.#touched.has(tag) || covers(this.#tags.required, tag)) continue;
      this.#touched.add(tag);
      this.#stampAsCaptured(tag);
    }
  }

  touchUnknown(what: string): void {
    if (!this.#tags.areNamed) this.#refusal ??= { refusal: 'unknown-source', what };
  }

  readsUncommitted(what: string): void {
    this.#hasReadUncommitted = true;
    this.#refusal ??= { refusal: 'uncommitted-read', what };
    this.#outer?.readsUncommitted(what);
  }

  readsUncommittedUnless(isMet: () => boolean, what: string): void {
    this.#conditions.push({ isMet, what });
  }

  /** The tags that it has touched so far, beyond those of the policy. */
  get touched(): Iterable<string> {
    return this.#touched;
  }

  join({ cache }: LoadName, stamps: Stamps | undefined, endsAtMs: number): void {
    if (cache !== this.#cache) {
      this.#refusal ??= { refusal: 'other-cache' };
      return;
    }
    this.#takeOver(stamps);
    this.#endsAtMs = Math.min(this.#endsAtMs, endsAtMs);
  }

  dependsOnRequest(isInKey: (key: Key) => boolean, refusal: ScopeRefusal, upTo?: Load): void {
    if (isInKey(this.#key)) return;
    this.#personal ??= refusal;
    if (this !== upTo) this.#outer?.dependsOnRequest(isInKey, refusal, upTo);
  }

  readsViewer(what: string | undefined): void {
    this.dependsOnRequest(({ viewer }) => viewer !== undefined, viewerRefusal(what));
  }

  /** The viewer whose value it loads; undefined for a public value. */
  get viewer(): ViewerId | undefined {
    return this.#key.viewer;
  }

  /**
   * Whether its result is for its own request only: it has read what differs between requests and is not part of its key, or
   * what the transaction of its request has not committed.
   */
  isPersonal(): boolean {
    this.#checkConditions();
    return this.#personal !== undefined || this.#hasReadUncommitted;
  }

  /** What to store the value with after the load, and for how long at most, or why it must not be stored. */
  storable(nowMs: number): { stamps: Stamps; ttlMsMax: number } | ScopeRefusal {
    if (this.#personal !== undefined) return this.#personal;
    this.#checkConditions();
    if (this.#refusal !== undefined) return this.#refusal;
    return { stamps: Object.fromEntries(this.#stamps), ttlMsMax: Math.max(1, Math.floor(this.#endsAtMs - nowMs)) };
  }

  #checkConditions(): void {
    const unmet = this.#conditions.find(({ isMet }) => !isMet());
    if (unmet !== undefined) this.readsUncommitted(unmet.what);
  }

  #stampAsCaptured(tag: string): void {
    const token = this.#captured.get(tag);
    if (token === undefined) this.#refusal ??= { refusal: 'not-captured', what: tag };
    else this.#stamp(tag, token);
  }

  #takeOver(stamps: Stamps | undefined): void {
    if (stamps === undefined) this.#refusal ??= { refusal: 'inner-unstored' };
    for (const [tag, token] of Object.entries(stamps ?? {})) this.#stamp(tag, token);
  }

  #stamp(tag: string, token: string): void {
    const stamp = this.#stamps.get(tag);
    // The token has changed: what was read under the old one may be older than what was read under the new one.
    if (stamp !== undefined && stamp !== token) this.#refusal = { refusal: 'token-lost' };
    this.#stamps.set(tag, token);
  }
}
