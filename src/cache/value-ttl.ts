/** How long a loaded value stays fresh once it is stored: by its policy, or by the value itself. */
import { received } from './base/check-options.ts';
import type { ClassCodecs } from './entry/class-codecs.ts';
import { copyOf } from './entry/codec.ts';
import type { Key } from './entry/key.ts';
import { durationMsOf, type Policy } from './policy.ts';
import { LoadScope } from './scope/load-scope.ts';

/** Why a value has no TTL, and so is not stored. */
export interface TtlRefusal {
  readonly refusal: 'null-ttl' | 'invalid-ttl';
  readonly what: string;
  readonly error?: unknown;
}

interface Loaded {
  readonly key: Key;
  readonly value: unknown;
}

interface TtlParts {
  /** Returns 0…1. */
  readonly random: () => number;
  readonly codecs: ClassCodecs;
}

/**
 * The TTL of one value in milliseconds: at most that of its policy, or `nullTtl` for null and undefined, shortened by a random part
 * of at most `jitter`.
 */
export function valueTtlMs(policy: Policy, loaded: Loaded, { random, codecs }: TtlParts): number | TtlRefusal {
  const ttlMs = ttlMsBeforeJitter(policy, loaded, codecs);
  return typeof ttlMs === 'number' ? drawTtlMs(policy, ttlMs, random) : ttlMs;
}

function ttlMsBeforeJitter(policy: Policy, { key, value }: Loaded, codecs: ClassCodecs): number | TtlRefusal {
  const { ttlMs, ttlOf, nullTtlMs } = policy;
  if (nullTtlMs !== undefined && (value === null || value === undefined))
    return nullTtlMs ?? { refusal: 'null-ttl', what: 'nullTtl' };
  if (ttlOf === undefined) return ttlMs;
  // The function receives a copy, so that it cannot change the value.
  const copied = copyOf(value, codecs);
  if (copied === undefined) return ttlMs; // it has no stored form either
  try {
    // What the function reads is nothing that the value, or that of an enclosing load, depends on.
    return returnedTtlMs(
      policy,
      LoadScope.outside(() => ttlOf(copied.copy as never, key)),
    );
  } catch (error) {
    return { refusal: 'invalid-ttl', what: 'ttl must not throw', error };
  }
}

function returnedTtlMs({ ttlMs }: Policy, returned: unknown): number | TtlRefusal {
  if (returned === null) return { refusal: 'null-ttl', what: 'ttl' };
  if (returned instanceof Promise) returned.catch(() => {}); // nothing else awaits it
  const ms = typeof returned === 'string' ? durationMsOf(returned) : Number.NaN;
  if (ms >= 1 && ms <= ttlMs) return ms;
  // Another text may be one that a client sent.
  const got = typeof returned === 'string' && Number.isNaN(ms) ? 'another text' : received(returned);
  const rule = `ttl must return null or a whole number with a unit (ms, s, m, h, d), 1ms to ${ttlMs}ms`;
  return { refusal: 'invalid-ttl', what: `${rule}, got ${got}` };
}

/** A TTL, shortened so that values that were loaded together do not expire together. The TTL stays the upper bound. */
export function drawTtlMs({ jitter = 0 }: Pick<Policy, 'jitter'>, ttlMs: number, random: () => number): number {
  // Rounded up: rounded down, it could be below the lower bound.
  return jitter > 0 ? Math.ceil(ttlMs * (1 - jitter * random())) : ttlMs;
}
