/** The names of all options of a field, and the options that a field has after inheritance. */
import type { FieldCacheOptions } from './field-cache-options.ts';

/** The options that the fields of a schema can have in common. */
export const sharedOptionNames: readonly string[] = [
  ...['scope', 'ttl', 'nullTtl', 'jitter', 'stale', 'early', 'staleIfError', 'softTimeout', 'timeout'],
  ...['shadow', 'strict', 'refill', 'vary', 'http', 'cdn'],
];

/** All options of a field. */
export const fieldOptionNames: readonly string[] = [...sharedOptionNames, 'tags', 'parentId', 'selection', 'fields'];

/** Options that only `false` turns off, because none of their other values means off. */
const canBeOff = ['nullTtl', 'stale', 'staleIfError', 'timeout', 'vary', 'http', 'cdn'] as const;

/** The options of a field after inheritance; one that `false` has turned off is absent. */
export type EffectiveOptions = Omit<FieldCacheOptions, (typeof canBeOff)[number]> & {
  readonly [Name in (typeof canBeOff)[number]]?: Exclude<FieldCacheOptions[Name], false>;
};

/** The options that apply to one field. */
export interface FieldOptions {
  readonly options: EffectiveOptions;
  /** By option, for inherited ones: where it comes from, such as `type Product`. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Returns the options without those that `false` turns off. Checks nothing else. */
export function withoutOff(options: Readonly<Record<string, unknown>>): EffectiveOptions {
  const isOff = (name: string): boolean => canBeOff.some((one) => one === name) && options[name] === false;
  return Object.fromEntries(Object.entries(options).filter(([name]) => !isOff(name)));
}
