/**
 * What a load reads while it runs, and what of that its value stands on.
 *
 * - What it *touches*, such as the tables of its SQL, becomes tags of the value, which is stored only if all of them were
 *   captured before the load began. What cannot be named makes it unstorable, unless its policy names tags itself.
 * - A load inside a load: the outer value is made of the inner one, so the outer entry takes over the inner stamps and
 *   lives no longer than the inner does; an inner value that is not stored makes the outer one unstorable too. So does one
 *   of another cache: its tokens are not in this cache's store, so what makes it void would leave the outer one standing.
 * - A load below another value is made of that one, its parent: it takes over the stamps likewise.
 * - It may look at who asks. Where its key does not hold what it looks at, its value is for nobody but him who asked: it is
 *   not stored, and nor is what is made of it, unless that one's key does hold it.
 */
import { AsyncContext } from '../async-context/index.ts';
import type { IsAborted } from './cancellation.ts';
import type { WriteRefusal } from './events.ts';
import { isHeldBy, type Key } from './key.ts';
import { LoadRun, type LoadName } from './load-circle.ts';
import type { Origin } from './outcome.ts';
import { covers, type FetchTags, type Stamps } from './tags.ts';

/** A cached load that runs, as the code inside it sees it. */
export interface Load {
  /**
   * The load reads what `tags` stand for, such as tables: invalidating one of them makes its value void. A tag that the
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
  seesAlone(what: string): void;
}

/** The load that this code runs in; undefined outside of all cached loads. */
export function currentLoad(): Load | undefined {
  return running.get();
}

/**
 * Runs `work` on behalf of several loads, as a batch is run that serves them all: what it touches and fetches counts for
 * each of them. With an empty list it runs outside of all loads.
 *
 * @param loads From `currentLoad`.
 */
export function runForLoads<T>(loads: readonly Load[], work: () => Promise<T>): Promise<T> {
  const scopes = [...new Set(loads)].filter((load) => load instanceof LoadScope || load instanceof SharedScope);
  return scopes.length === 0 ? running.exit(work) : running.run(new SharedScope(scopes), work);
}

/**
 * Says that the code that runs looks at who asks. A load of a public value around it is then answered to its own request
 * and not stored; there may be none around it. Call it wherever the viewer of a request can be read.
 */
export function noteViewerRead(): void {
  running.get()?.dependsOnWhoAsks(({ viewer }) => viewer !== undefined);
}

/** What of a load's doings decides how its value is kept. */
interface Scope extends Load {
  /** Whether the request that it runs for was aborted. */
  readonly isAborted?: IsAborted | undefined;
  /**
   * Runs a fetch inside this load.
   *
   * @throws {CacheError} `CIRCULAR_LOAD`, see `load-circle.ts`.
   */
  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T>;
  /** Takes over what an inner value depends on. `stamps` is undefined where the inner value is not stored. */
  join(name: LoadName, stamps: Stamps | undefined, endsAtMs: number): void;
  /**
   * The load looks at who asks. What it then gives, be it an error, may be in what the loads around it give: of them too it
   * is asked whether the key holds that.
   */
  dependsOnWhoAsks(isHeld: (key: Key) => boolean): void;
}

const running = new AsyncContext<Scope>();

/** Why what a load has read keeps its own value from being stored. */
export interface ScopeRefusal {
  readonly refusal: Exclude<WriteRefusal, 'unencodable' | 'too-large' | 'lease-lost'>;
  readonly what?: string;
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
  #isTooWide = false;

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

  run<T>(load: () => T | Promise<T>): Promise<T> {
    return this.#run.during(async () => await running.run(this, load));
  }

  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    return this.#run.waitingFor(name, fetch);
  }

  /** The load is made of this value. For how long it is kept is its own affair: its policy knows that its parent grows old. */
  standOn({ key, stamps }: Origin): void {
    this.dependsOnWhoAsks((own) => isHeldBy(own, key));
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

  seesAlone(what: string): void {
    this.#refusal ??= { refusal: 'seen-alone', what };
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

  dependsOnWhoAsks(isHeld: (key: Key) => boolean): void {
    if (isHeld(this.#key)) return;
    this.#isTooWide = true;
    this.#outer?.dependsOnWhoAsks(isHeld);
  }

  /** Whether it has looked at who asks, and its key does not hold that. */
  get isTooWide(): boolean {
    return this.#isTooWide;
  }

  /** What the entry of the finished load stands on, or why there may be none. */
  basis(nowMs: number): { stamps: Stamps; ttlMs: number } | ScopeRefusal {
    if (this.#isTooWide) return { refusal: 'scope-too-wide' };
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

/** Several loads at once. */
class SharedScope implements Scope {
  readonly #scopes: readonly Scope[];

  constructor(scopes: readonly Scope[]) {
    this.#scopes = scopes;
  }

  touch(tags: readonly string[]): void {
    for (const scope of this.#scopes) scope.touch(tags);
  }

  touchUnknown(what: string): void {
    for (const scope of this.#scopes) scope.touchUnknown(what);
  }

  seesAlone(what: string): void {
    for (const scope of this.#scopes) scope.seesAlone(what);
  }

  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    const fetchForAll = this.#scopes.reduce((inner, scope) => () => scope.fetching(name, inner), fetch);
    return fetchForAll();
  }

  join(name: LoadName, stamps: Stamps | undefined, endsAtMs: number): void {
    for (const scope of this.#scopes) scope.join(name, stamps, endsAtMs);
  }

  dependsOnWhoAsks(isHeld: (key: Key) => boolean): void {
    for (const scope of this.#scopes) scope.dependsOnWhoAsks(isHeld);
  }
}
