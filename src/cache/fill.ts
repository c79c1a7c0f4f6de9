/**
 * The way from the source into the store.
 *
 * The tokens are captured before the load begins; the other order would let a reader
 *   1. load the old row,  2. (the tag is invalidated),  3. capture the new token and store the old row under it.
 */
import type { Clock } from './clock.ts';
import { encodeEntry, type Entry } from './entry.ts';
import type { EmitEvent, WriteRefusal } from './events.ts';
import type { Key } from './key.ts';
import type { RunningLoads } from './load-circle.ts';
import { LoadScope } from './load-scope.ts';
import type { Policy } from './policy.ts';
import type { RequestStore } from './request-store.ts';
import { stampsOf, tagsOnValue, type Stamps } from './tags.ts';

export interface Fill {
  readonly key: Key;
  readonly policy: Policy;
  readonly load: () => unknown;
  /** The tokens of `*` and the policy's tags where they were read already; else they are captured. */
  readonly stamps: Stamps | undefined;
  /** False where the store failed this request before: it is left alone. */
  readonly isStorable: boolean;
}

/** A loaded value, and what its entry stands on. */
export interface Filled {
  readonly value: unknown;
  /** Undefined where the value is not stored. */
  readonly stamps: Stamps | undefined;
  readonly ttlMs: number;
}

export interface FillParts {
  readonly store: RequestStore;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly running: RunningLoads;
}

/** @throws What `load` rejects with. */
export async function fill(parts: FillParts, { key, policy, load, ...given }: Fill): Promise<Filled> {
  const stamps = given.isStorable ? (given.stamps ?? (await capture(parts, key, policy))) : undefined;
  const scope = new LoadScope({ cache: parts.running, key: key.text }, { stamps, ttlMs: policy.ttlMs });
  const { value, loadMs } = await timedLoad(parts, key, () => scope.run(load));
  const unstored: Filled = { value, stamps: undefined, ttlMs: policy.ttlMs };
  if (stamps === undefined) return unstored;

  const basis = scope.basis(parts.clock.nowMs());
  if ('refusal' in basis) {
    refuse(parts, key, { reason: basis.refusal });
    return unstored;
  }
  const text = encoded(parts, key, { value, freshMs: basis.ttlMs, loadMs, stamps: basis.stamps });
  if (text === undefined) return unstored;
  if ((await parts.store.write(key.text, text, basis.ttlMs)) === undefined) return unstored;
  parts.emit({ type: 'write', key: key.text, field: key.field, ttlMs: basis.ttlMs, textChars: text.length });
  return { value, ...basis };
}

async function capture(parts: FillParts, key: Key, { tags }: Policy): Promise<Stamps | undefined> {
  const all = tagsOnValue(tags);
  const tokens = await parts.store.capture(all);
  if (tokens === undefined) return undefined;
  const stamps = stampsOf(all, tokens);
  if (stamps === undefined) refuse(parts, key, { reason: 'token-lost' });
  return stamps;
}

async function timedLoad(
  { clock, emit }: FillParts,
  { text: key, field }: Key,
  load: () => unknown,
): Promise<{ value: unknown; loadMs: number }> {
  const startedMs = clock.nowMs();
  const elapsedMs = (): number => Math.round((clock.nowMs() - startedMs) * 100) / 100;
  try {
    const value = await load();
    const loadMs = elapsedMs();
    emit({ type: 'load', key, field, loadMs });
    return { value, loadMs };
  } catch (error) {
    emit({ type: 'load-failed', key, field, loadMs: elapsedMs(), error });
    throw error;
  }
}

function encoded(parts: FillParts, key: Key, entry: Entry): string | undefined {
  try {
    return encodeEntry(key, entry);
  } catch (error) {
    refuse(parts, key, { reason: 'unencodable', error });
    return undefined;
  }
}

function refuse({ emit }: FillParts, { text: key, field }: Key, why: { reason: WriteRefusal; error?: unknown }): void {
  emit({ type: 'write-refused', key, field, ...why });
}
