import { received } from './base/check-options.ts';
import type { FetchOptions } from './cache.ts';
import { CacheError } from './base/errors.ts';
import type { Key } from './entry/key.ts';
import { ttlMsMax, type Policy } from './policy.ts';

/**
 * Checks what `fetch` was called with, as far as that costs a hit nothing.
 *
 * @throws {CacheError} `INVALID_KEY`, `INVALID_POLICY` or `INVALID_OPTIONS`.
 */
export function checkFetch(key: Key, policy: Policy, load: unknown, options: FetchOptions): void {
  if (typeof key?.text !== 'string' || typeof key.field !== 'string') {
    throw new CacheError('INVALID_KEY', `fetch: the key must be one that cache.key() returned, got ${received(key)}`);
  }
  const { field } = key;
  const isLife = policy?.ttlMs >= 1 && policy.ttlMs <= ttlMsMax;
  if (!isLife || !Array.isArray(policy.tags)) {
    throw new CacheError(
      'INVALID_POLICY',
      `${field}: the policy must be one that createPolicy() returned, got ${received(policy)}`,
    );
  }
  if (typeof load !== 'function') throw invalid(`${field}: load must be a function, got ${received(load)}`);
  const { mode, request, report } = options;
  if (mode !== undefined && mode !== 'use' && mode !== 'bypass' && mode !== 'refresh') {
    throw invalid(`${field}: mode must be "use", "bypass" or "refresh", got ${received(mode)}`);
  }
  if (request !== undefined && (typeof request !== 'object' || request === null)) {
    throw invalid(`${field}: request must be an object, got ${received(request)}`);
  }
  if (report !== undefined && typeof report !== 'function') {
    throw invalid(`${field}: report must be a function, got ${received(report)}`);
  }
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_OPTIONS', message);
}
