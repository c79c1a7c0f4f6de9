import type { Filled } from './fill.ts';
import type { Tier } from './store.ts';

/** How a value was come by. */
export interface Outcome {
  /** `shared`: another request's load was boarded. */
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
export interface Answer extends Filled {
  readonly state: Outcome['state'];
  readonly ageMs: number;
  /** How long the load took that a hit spares. */
  readonly loadMs: number;
}

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
