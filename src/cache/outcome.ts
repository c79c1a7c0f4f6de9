import type { Tier } from './store.ts';
import type { Stamps } from './tags.ts';

/** How a value was come by. */
export interface Outcome {
  /** `shared`: another request's load was boarded, or another process' awaited. */
  readonly state: 'hit' | 'miss' | 'bypass' | 'refresh' | 'shared';
  /** What held the value; null where it was loaded. */
  readonly tier: Tier | null;
  readonly durationMs: number;
  /** For how long the value has been stored; null where it is not. */
  readonly ageMs: number | null;
  /** For how long it is still fresh; null where it is not stored. */
  readonly ttlMs: number | null;
}

/** What a request gets, before it is timed. */
export type Answer = Got & {
  readonly value: unknown;
  /** Undefined where the value is not stored. */
  readonly stamps: Stamps | undefined;
  readonly ttlMs: number;
  readonly ageMs: number;
};

type Got =
  /** `loadMs`: how long the load took that is spared. */
  { readonly state: 'hit'; readonly loadMs: number } | { readonly state: Exclude<Outcome['state'], 'hit'> };

export function outcomeOf(
  { state, stamps, ageMs, ttlMs }: Answer,
  { tier, durationMs }: { tier: Tier; durationMs: number },
): Outcome {
  const isStored = stamps !== undefined;
  return {
    state,
    tier: state === 'hit' ? tier : null,
    durationMs,
    ageMs: isStored ? Math.max(0, ageMs) : null,
    ttlMs: isStored ? ttlMs : null,
  };
}
