/**
 * What a load reads while it runs, and what of that its value stands on.
 *
 * - What it *touches*, such as the tables of its SQL, becomes tags of the value, which is stored only if all of them were
 *   captured before the load began. What cannot be named makes it unstorable, unless its policy names tags itself.
 * - A load inside a load: the outer value is made of the inner one, so the outer entry takes over the inner stamps and
 *   lives no longer than the inner does; an inner value that is not stored makes the outer one unstorable too. So does one
 *   of another cache: its tokens are not in this cache's store, so what makes it void would leave the outer one standing.
 * - A load below another value is made of that one, its parent: it takes over the stamps likewise.
 * - A load may read what differs between requests: the viewer, or which fields are selected. Where its key does not contain
 *   that, its value is for its own request alone: it is not stored, and neither is a value made from it, unless the key of
 *   that value does contain it.
 */
import { AsyncContext } from '../../async-context/index.ts';
import { awaitWithItems } from './await-with-items.ts';
import type { IsAborted } from './cancellation.ts';
import { isVisibleTo, type Key, type ViewerId } from '../entry/key.ts';
import { LoadRun, type LoadName } from './load-cycle.ts';
import type { Dependency } from '../entry/entry-ref.ts';
import { viewerRefusal, type Load, type Scope, type ScopeRefusal } from './scope.ts';
import { SharedScope } from './shared-scope.ts';
import { covers, type FetchTags, type Stamps } from '../tags/tags.ts';

const running = new AsyncContext<Scope>();

/** The load that this code runs in; undefined outside of all cached loads. */
export function currentLoad(): Load | undefined {
  return running.get();
}

/**
 * Runs `work` on behalf of several loads, such as a batch that serves them all: what it touches and fetches counts for each
 * of them. With an empty list it runs outside of all loads.
 *
 * @param loads From `currentLoad`.
 * @returns What `work` returns, awaited; so are the items of a list. What a thenable does when its `then` is called counts.
 */
export function runForLoads<T>(loads: readonly Load[], work: () => T | PromiseLike<T>): Promise<T> {
  const scopes = new Set(loads.flatMap((load) => (load instanceof SharedScope ? load.scopes : load)));
  const [first, ...others] = [...scopes].filter((load) => load instanceof LoadScope);
  const awaited = (): Promise<T> => awaitWithItems(work);
  if (first === undefined) return running.exit(awaited);
  return running.run(others.length === 0 ? first : new SharedScope([first, ...others]), awaited);
}

export class LoadScope implements Scope {
  /** The scope of the load that this code runs in, if any. */
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
  /** The tokens from before the load. */
  readonly #captured: ReadonlyMap<string, string>;
  readonly #stamps = new Map<string, string>();
  readonly #touched = new Set<string>();
  readonly #ttlMs: number;
  /** When the first of the inner values ends. */
  #endsAtMs = Infinity;
  #refusal: ScopeRefusal | undefined;
  readonly #conditions: { readonly isMet: () => boolean; readonly what: string }[] = [];
  #personal: ScopeRefusal | undefined;

  /** @param load.captured The tokens of all its tags from before it; undefined where nothing is to be stored. */
  constructor(
    name: LoadName,
    load: Pick<Scope, 'isAborted'> & { key: Key; tags: FetchTags; captured: Stamps | undefined; ttlMs: number },
  ) {
    this.isAborted = load.isAborted;
    this.#cache = name.cache;
    this.#key = load.key;
    this.#run = new LoadRun(name);
    this.#tags = load.tags;
    this.#captured = new Map(Object.entries(load.captured ?? {}));
    this.#ttlMs = load.ttlMs;
    for (const tag of load.tags.required) this.#stampAsCaptured(tag);
  }

  /** Runs the load: all that it returns has settled, also the items of lists, before its scope ends. */
  run<T>(load: () => T | PromiseLike<T>): Promise<T> {
    return this.#run.during(() => running.run(this, () => awaitWithItems(load)));
  }

  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    return this.#run.waitingFor(name, fetch);
  }

  /** The load is made of this value. For how long it is kept is its own affair: its policy knows that its parent grows old. */
  dependOn({ key, stamps }: Dependency): void {
    this.dependsOnRequest((own) => isVisibleTo(own, key), { refusal: 'viewer-dependent', what: key.field });
    // A parent that was loaded for one selection has what that selects, and may have nothing else.
    const isHeld = (own: Key): boolean => key.selection === undefined || own.selection !== undefined;
    this.dependsOnRequest(isHeld, { refusal: 'reads-selection', what: key.field }, this);
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
    this.#refusal ??= { refusal: 'uncommitted-read', what };
  }

  readsUncommittedUnless(isMet: () => boolean, what: string): void {
    this.#conditions.push({ isMet, what });
  }

  /** The tags beyond those of the policy that it has touched so far. */
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

  dependsOnRequest(isHeld: (key: Key) => boolean, refusal: ScopeRefusal, upTo?: Load): void {
    if (isHeld(this.#key)) return;
    this.#personal ??= refusal;
    if (this !== upTo) this.#outer?.dependsOnRequest(isHeld, refusal, upTo);
  }

  readsViewer(what: string | undefined): void {
    this.dependsOnRequest(({ viewer }) => viewer !== undefined, viewerRefusal(what));
  }

  /** Whose value it loads; undefined for a public value. */
  get viewer(): ViewerId | undefined {
    return this.#key.viewer;
  }

  /** Whether it has read what differs between requests and is not part of its key: what it returns is for its own alone. */
  get isPersonal(): boolean {
    return this.#personal !== undefined;
  }

  /** What the entry of the finished load stands on, or why there may be none. */
  storable(nowMs: number): { stamps: Stamps; ttlMs: number } | ScopeRefusal {
    if (this.#personal !== undefined) return this.#personal;
    const unmet = this.#conditions.find(({ isMet }) => !isMet());
    if (unmet !== undefined) this.readsUncommitted(unmet.what);
    if (this.#refusal !== undefined) return this.#refusal;
    const ttlMs = Math.max(1, Math.floor(Math.min(this.#ttlMs, this.#endsAtMs - nowMs)));
    return { stamps: Object.fromEntries(this.#stamps), ttlMs };
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
    // Another token than that of before: what was read under the one may be older than what was read under the other.
    if (stamp !== undefined && stamp !== token) this.#refusal = { refusal: 'token-lost' };
    this.#stamps.set(tag, token);
  }
}
