/** What he gets who has boarded another request's flight. */
import { copyOf } from './codec.ts';
import type { Filled } from './fill.ts';
import type { Answer } from './outcome.ts';

/**
 * A copy of what the flight brings. Of an iterator or an instance there is none, and it may bring nothing for others: then
 * he who boarded loads one himself.
 */
export async function shared(filled: Filled | undefined, loadMyself: () => Promise<Filled>): Promise<Answer> {
  const copied = filled && copyOf(filled.value);
  if (filled === undefined || copied === undefined) return { ...(await loadMyself()), state: 'miss' };
  return { ...filled, value: copied.copy, state: 'shared' };
}
