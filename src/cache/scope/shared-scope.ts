/** The scope of a batch that serves several loads: what the batch does counts for each of them. */
import type { Key, ViewerId } from '../entry/key.ts';
import type { LoadName } from './load-cycle.ts';
import { viewerRefusal, type Load, type Scope, type ScopeRefusal } from './scope.ts';
import type { Stamps } from '../tags/tags.ts';

/** One of the loads: a `LoadScope`. */
type Member = Scope & { readonly viewer: ViewerId | undefined };

export class SharedScope implements Scope {
  readonly scopes: readonly Member[];

  constructor(scopes: readonly Member[]) {
    this.scopes = scopes;
  }

  touch(tags: readonly string[]): void {
    for (const scope of this.scopes) scope.touch(tags);
  }

  touchUnknown(what: string): void {
    for (const scope of this.scopes) scope.touchUnknown(what);
  }

  readsUncommitted(what: string): void {
    for (const scope of this.scopes) scope.readsUncommitted(what);
  }

  readsUncommittedUnless(isMet: () => boolean, what: string): void {
    for (const scope of this.scopes) scope.readsUncommittedUnless(isMet, what);
  }

  fetching<T>(name: LoadName, fetch: () => Promise<T>): Promise<T> {
    const fetchForAll = this.scopes.reduce((inner, scope) => () => scope.fetching(name, inner), fetch);
    return fetchForAll();
  }

  join(name: LoadName, stamps: Stamps | undefined, endsAtMs: number): void {
    for (const scope of this.scopes) scope.join(name, stamps, endsAtMs);
  }

  dependsOnRequest(isInKey: (key: Key) => boolean, refusal: ScopeRefusal, upTo?: Load): void {
    for (const scope of this.scopes) scope.dependsOnRequest(isInKey, refusal, upTo);
  }

  /** It is not known which viewer was read: the value of one load may be made for the viewer of another. */
  readsViewer(what: string | undefined): void {
    const viewers = new Set(this.scopes.flatMap(({ viewer }) => viewer ?? []));
    for (const scope of this.scopes) {
      if (viewers.size > 1) scope.dependsOnRequest(() => false, viewerRefusal(what));
      else scope.readsViewer(what);
    }
  }
}
