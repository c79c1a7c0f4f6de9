/** What he gets who has boarded another request's flight. */
import { copyOf } from './entry/codec.ts';
import type { Filled } from './load.ts';
import type { Answer } from './outcome.ts';
import { readShared, shareValue, type SharedValue } from './entry/shared-value.ts';

/** Made once for all who have boarded; undefined where there can be none. */
const copies = new WeakMap<Filled, SharedValue | undefined>();

/**
 * A copy of what the flight brings, frozen where others have it too. Of an iterator or an instance there is none, and it may
 * bring nothing for others: then he who boarded loads one himself.
 */
export async function shared(filled: Filled | undefined, loadMyself: () => Promise<Filled>): Promise<Answer> {
  const copy = filled && copyFor(filled);
  if (filled === undefined || copy === undefined) {
    const notStored = filled?.notStored; // its own load would not be stored either
    return { ...(await loadMyself()), state: 'miss', ...(notStored === undefined ? {} : { notStored }) };
  }
  return { ...filled, value: readShared(copy), state: 'shared' };
}

function copyFor(filled: Filled): SharedValue | undefined {
  if (!copies.has(filled)) {
    const copied = copyOf(filled.value);
    copies.set(filled, copied && shareValue(copied.copy));
  }
  return copies.get(filled);
}
