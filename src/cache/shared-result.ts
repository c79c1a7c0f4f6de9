/** The copy of a load's value that the requests which joined the load receive. */
import { copyOf } from './entry/codec.ts';
import { readShared, shareValue, type SharedValue } from './entry/shared-value.ts';
import type { LoadResult } from './outcome.ts';
import type { Answer } from './outcome.ts';

/** One copy per result, whatever the number of requests; undefined for a value that cannot be copied. */
const copies = new WeakMap<LoadResult, SharedValue | undefined>();

/**
 * The answer to a request that joined the load: a copy of its value, frozen if other requests receive it too. Undefined if
 * the value cannot be copied, such as an iterator or an instance of a class: the request must load its own.
 */
export function sharedAnswer(result: LoadResult): Answer | undefined {
  if (!copies.has(result)) {
    const copied = copyOf(result.value);
    copies.set(result, copied && shareValue(copied.copy));
  }
  const copy = copies.get(result);
  return copy && { ...result, value: readShared(copy), state: 'shared' };
}
