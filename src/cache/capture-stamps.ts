import type { EmitEvent } from './events/events.ts';
import type { Key } from './entry/key.ts';
import type { RequestStore } from './store/request-store.ts';
import { stampsOf, type Stamps } from './tags/tags.ts';

/** The tokens of `tags` before a load, made where there are none; undefined where the store fails or one is lost at once. */
export async function captureStamps(
  { store, emit }: { store: Pick<RequestStore, 'capture'>; emit: EmitEvent },
  { text: key, field }: Key,
  tags: readonly string[],
): Promise<Stamps | undefined> {
  const tokens = await store.capture(tags);
  if (tokens === undefined) return undefined;
  const stamps = stampsOf(tags, tokens);
  if (stamps === undefined) emit({ type: 'write-refused', key, field, reason: 'token-lost' });
  return stamps;
}
