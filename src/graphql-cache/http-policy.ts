/** How long browsers, proxies and CDNs may reuse a value of a field: checked when the schema is built. */
import { CacheError, durationMsOf, type Policy } from '../cache/index.ts';
import type { FieldOptions } from './effective-options.ts';

/** In milliseconds; 0: they must ask each time. */
export interface HttpPolicy {
  /** Browsers, and proxies without another time. */
  readonly httpMs: number;
  /** CDNs that are purged. */
  readonly cdnMs: number;
  /** For how long after that, while they ask for it again. */
  readonly staleMs: number;
  /** For how long after that, if they receive an error. */
  readonly staleIfErrorMs: number;
}

/** That of a field that nothing outside may reuse without asking. */
export const noHttp: HttpPolicy = Object.freeze({ httpMs: 0, cdnMs: 0, staleMs: 0, staleIfErrorMs: 0 });

const dayMs = 86_400_000;

/** @throws {CacheError} `INVALID_OPTIONS`, with the field, the rule and the value. */
export function httpPolicyOf(place: string, given: FieldOptions, policy: Policy): HttpPolicy {
  const httpMs = msOf('http', { place, given, policy }) ?? 0;
  const cdnMs = msOf('cdn', { place, given, policy }) ?? httpMs;
  return { httpMs, cdnMs, staleMs: policy.staleMs ?? 0, staleIfErrorMs: policy.staleIfErrorMs ?? 0 };
}

/** An option that is not the field's own applies where it may, and for the TTL if that is shorter. */
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
      `${place}: cache.${name} must be whole seconds such as '30s', at most cache.ttl, got ${got}`,
    );
  }
  if (scope === 'public' && vary === undefined && strict !== true) return ms;
  if (isInherited) return undefined;
  throw new CacheError(
    'INVALID_OPTIONS',
    `${place}: cache.${name} is for fields with scope 'public', without vary and strict`,
  );
}
