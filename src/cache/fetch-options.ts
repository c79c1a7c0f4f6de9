import type { Mode } from './get-or-load.ts';
import type { Outcome } from './outcome.ts';
import type { Dependency } from './entry/entry-ref.ts';
import { received } from './base/check-options.ts';

import { CacheError } from './base/errors.ts';
import type { Key } from './entry/key.ts';
import { type Policy } from './policy.ts';
import { ttlMsMax } from './store/store.ts';

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

/** What one `fetch` may say besides key, policy and load. */
export interface FetchOptions {
  mode?: Mode;
  /** What this fetch is part of, such as an operation's context: all of its fetches leave a store alone that failed one. */
  request?: object | undefined;
  /** The value that this one is made of, such as that of its parent: what makes that one void makes this one void. */
  dependsOn?: Dependency | undefined;
  /**
   * Whether the request that this fetch is part of was aborted, such as `() => request.signal.aborted`; undefined where that
   * is not known. Asked when the load has failed: where it failed because its client disconnected, the other requests that
   * wait for it are not failed with it, and one of them loads. Default: only an error that names itself a cancellation counts.
   */
  isAborted?: (() => boolean | undefined) | undefined;
  /** Hears how the value was come by before `fetch` resolves; hears nothing where the load rejects. */
  report?: (outcome: Outcome) => void;
}
