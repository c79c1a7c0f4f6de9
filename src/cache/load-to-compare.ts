/** Loads a value that is compared with the stored one, and not stored. */
import { copyOf } from './entry/codec.ts';
import type { EntryRef } from './entry/entry.ts';
import type { RefreshRequest } from './fetch.ts';
import { inTimeOf, type LoadParts } from './load.ts';
import { LoadScope } from './scope/load-scope.ts';

/** The value as a hit would return it; or `explained`: what it depends on has changed; or `not-comparable`. */
type LoadedToCompare = { readonly value: unknown } | { readonly result: 'explained' | 'not-comparable' };

/**
 * @param entryRef The stored entry.
 * @param run Runs the resolver, which may take longer than the time that the policy gives it.
 * @throws What the load rejects with.
 */
export async function loadToCompare(
  parts: Pick<LoadParts, 'clock' | 'running' | 'touched' | 'codecs'>,
  { key, policy, reload, dependsOn }: RefreshRequest,
  { entryRef, run }: { readonly entryRef: EntryRef; readonly run: <T>(load: () => Promise<T>) => Promise<T> },
): Promise<LoadedToCompare> {
  const load = async (): Promise<{ scope: LoadScope; value: unknown }> => {
    const tags = parts.touched.ofFetch(key.field, policy.tags);
    // An inner value that depends on a newer token than the entry does is then noticed as in any other load.
    const ofLoad = { key, tags, captured: entryRef.stamps, isAborted: () => false };
    const scope = new LoadScope({ cache: parts.running, key: key.text }, ofLoad);
    if (dependsOn !== undefined) scope.dependOn(dependsOn);
    return { scope, value: await scope.run(reload) };
  };
  const { scope, value } = await inTimeOf(policy, { parts, key, work: run(load) });
  if (scope.isPersonal()) return { result: 'not-comparable' };
  const storable = scope.storable(parts.clock.nowMs());
  // With `not-captured`, the load has read what the entry does not depend on, which may be why the entry is outdated.
  if ('refusal' in storable && storable.refusal !== 'not-captured')
    return { result: storable.refusal === 'token-lost' ? 'explained' : 'not-comparable' };
  const copied = copyOf(value, parts.codecs);
  return copied === undefined ? { result: 'not-comparable' } : { value: copied.copy };
}
