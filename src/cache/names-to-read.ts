/** Which properties a fetch needs, and reads, of a value whose properties are stored apart. */
import type { Key } from './entry/key.ts';
import { propertiesMax, type PropertyNames } from './entry/properties.ts';
import type { MemoryTier } from './memory/memory-tier.ts';

/** Whether a value with these properties has every one that the request needs. */
export function hasAll(names: ReadonlySet<string>, only: readonly string[] | undefined): boolean {
  return only !== undefined && only.every((name) => names.has(name));
}

/** Besides those that the request needs, the ones in memory, which a value with fewer properties would replace. */
export function namesToRead(
  { text: key }: Key,
  only: readonly string[] | undefined,
  memory: Pick<MemoryTier, 'onlyOf'> | undefined,
): PropertyNames {
  if (only === undefined) return 'all';
  const names = new Set([...(memory?.onlyOf(key) ?? []), ...only]);
  // No value has so many, so some of these names are of no value: they must not pile up in memory.
  return names.size > propertiesMax ? 'all' : [...names];
}
