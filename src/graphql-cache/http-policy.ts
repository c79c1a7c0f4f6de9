/** How long browsers, proxies and CDNs may reuse a response with a field: from its options, which are checked here. */
import { CacheError, durationMsOf, type Policy } from '../cache/index.ts';
import type { FieldOptions } from './effective-options.ts';

/** Durations in milliseconds; with 0, each request must ask the server. */
export interface HttpPolicy {
  /** For browsers, and for proxies that `cdnMs` does not apply to. */
  readonly httpMs: number;
  /** For CDNs that are purged. */
  readonly cdnMs: number;
  /** For how long after that a stale response may be reused while a new one is requested. */
  readonly staleMs: number;
  /** For how long after that a stale response may be reused if the server returns an error. */
  readonly staleIfErrorMs: number;
}

/** The policy of a field whose responses must not be reused without asking. */
export const noHttp: HttpPolicy = Object.freeze({ httpMs: 0, cdnMs: 0, staleMs: 0, staleIfErrorMs: 0 });

const dayMs = 86_400_000;

/** @throws {CacheError} `INVALID_OPTIONS`, with the field, the rule and the value. */
export function httpPolicyOf(place: string, given: FieldOptions, policy: Policy): HttpPolicy {
  const httpMs = msOf('http', { place, given, policy }) ?? 0;
  const cdnMs = msOf('cdn', { place, given, policy }) ?? httpMs;
  return { httpMs, cdnMs, staleMs: policy.staleMs ?? 0, staleIfErrorMs: policy.staleIfErrorMs ?? 0 };
}

/** An inherited option is ignored on a field that cannot have it, and may exceed the TTL, which limits it when a response is sent. */
function msOf(
  name: 'http' | 'cdn',
  { place, given, policy }: { place: string; given: FieldOptions; policy: Policy },
): number | undefined {
  const { options, origins } = given;
  const { scope, vary, strict, [name]: duration } = options;
  if (duration === undefined) return undefined;
  const isInherited = origins.has(name);
  const ms = durationMsOf(duration);
  const isDuration = ms >= 1_000 && ms % 1_000 === 0 && ms <= dayMs;
  if (!isDuration || (!isInherited && ms > policy.ttlMs)) {
    const got = JSON.stringify(duration);
    throw new CacheError(
      'INVALID_OPTIONS',
      `${place}: ${name} must be whole seconds such as '30s', at most ttl, got ${got}`,
    );
  }
  if (scope === 'public' && vary === undefined && strict !== true) return ms;
  if (isInherited) return undefined;
  throw new CacheError(
    'INVALID_OPTIONS',
    `${place}: ${name} is for fields with scope 'public', without vary and strict`,
  );
}
