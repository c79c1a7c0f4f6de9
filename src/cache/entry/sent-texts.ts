import { depthMax } from './plain-data.ts';
import type { Key } from './key.ts';

/** The texts in a key that may come from a client. Messages must not repeat them. */
export function sentTexts({ args, parent, viewer }: Pick<Key, 'args' | 'parent' | 'viewer'>): ReadonlySet<string> {
  const texts = new Set<string>();
  const collect = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.add(value);
    else if (typeof value === 'object' && value !== null && depth < depthMax) {
      for (const item of Object.values(value)) collect(item, depth + 1);
    }
  };
  collect([args, parent, viewer], 0);
  return texts;
}
