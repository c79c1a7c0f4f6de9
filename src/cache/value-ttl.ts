/** How long a loaded value stays fresh once it is stored. */
import type { Policy } from './policy.ts';

/**
 * The TTL of one value in milliseconds: `ttlMs`, shortened by a random part of at most `jitter`, so that values that were loaded
 * together do not expire together. The TTL stays the upper bound.
 *
 * @param random Returns 0…1.
 */
export function drawTtlMs({ jitter = 0 }: Pick<Policy, 'jitter'>, ttlMs: number, random: () => number): number {
  // Rounded up: rounded down, it could be below the lower bound.
  return jitter > 0 ? Math.ceil(ttlMs * (1 - jitter * random())) : ttlMs;
}
