import type { Key } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import type { FetchStore } from './store/fetch-store.ts';
import { stampsOf, type Stamps } from './tags/tags.ts';

/**
 * Reads the tokens of `tags` before a load, and creates those that are missing. Undefined if the store fails, or if a token
 * is lost as soon as it is created.
 */
export async function captureStamps(
  { store, emit }: { store: Pick<FetchStore, 'capture'>; emit: EmitEvent },
  { text: key, field }: Key,
  tags: readonly string[],
): Promise<Stamps | undefined> {
  const tokens = await store.capture(tags);
  if (tokens === undefined) return undefined;
  const stamps = stampsOf(tags, tokens);
  if (stamps === undefined) emit({ type: 'write-refused', key, field, reason: 'token-lost' });
  return stamps;
}
