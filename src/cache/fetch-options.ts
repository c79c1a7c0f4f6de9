import { received } from './base/check-options.ts';
import { CacheError } from './base/errors.ts';
import type { Dependency } from './entry/entry.ts';
import type { Key } from './entry/key.ts';
import type { Mode } from './fetch.ts';
import type { Outcome } from './outcome.ts';
import type { Policy } from './policy.ts';
import { ttlMsMax } from './store/store.ts';

/**
 * The type of a value with only the properties `K`; the value's own type if `K` is `string`, as without `only`. Lists are returned
 * whole.
 */
export type Only<T, K extends string> = string extends K
  ? T
  : T extends readonly unknown[]
    ? T
    : T extends object
      ? Pick<T, Extract<keyof T, K>>
      : T;

/** The options of one `fetch`. */
export interface FetchOptions<K extends string = string> {
  /** Default: `use`. */
  mode?: Mode;
  /**
   * The request that this fetch is part of, such as an operation's context. After one of its fetches has failed at the store,
   * the others bypass the store.
   */
  request?: object | undefined;
  /** The value that this one depends on, such as that of its parent: what invalidates that one invalidates this one too. */
  dependsOn?: Dependency | undefined;
  /**
   * Whether the request was aborted, such as `() => request.signal.aborted`; undefined if that is not known. Called after the
   * load has failed: if the client of that load disconnected, the other requests that wait for it do not fail; one of them
   * loads again. Default: that of the enclosing load; without one, only an error that names itself a cancellation counts.
   */
  isAborted?: (() => boolean | undefined) | undefined;
  /**
   * Loads the value when no request waits for it, for a policy with `stale`, `early`, `refill` or `shadow`: up to a minute after this
   * request, which may have ended. Default: the `load` of this call.
   */
  reload?: (() => unknown) | undefined;
  /**
   * The properties that the caller needs: it receives a copy with only those of them that the value has. If the policy has `fields`,
   * no others are read from the store. Anything but a plain object is returned whole. Default: all.
   */
  only?: readonly K[] | undefined;
  /** Called with how the value was obtained, before `fetch` resolves; not called if the load rejects. */
  report?: (outcome: Outcome) => void;
}

/**
 * Checks the arguments of `fetch`; only checks too cheap to slow a hit down.
 *
 * @throws {CacheError} `INVALID_KEY`, `INVALID_POLICY` or `INVALID_OPTIONS`.
 */
export function checkFetch(key: Key, policy: Policy, load: unknown, options: FetchOptions): void {
  if (typeof key?.text !== 'string' || typeof key.field !== 'string') {
    throw new CacheError('INVALID_KEY', `fetch: the key must be one that cache.key() returned, got ${received(key)}`);
  }
  const { field } = key;
  const hasTtl = policy?.ttlMs >= 1 && policy.ttlMs + checkedStaleMs(policy) <= ttlMsMax;
  if (!hasTtl || !Array.isArray(policy.tags)) {
    const message = `${field}: the policy must be one that createPolicy() returned, got ${received(policy)}`;
    throw new CacheError('INVALID_POLICY', message);
  }
  if (typeof load !== 'function') throw invalid(`${field}: load must be a function, got ${received(load)}`);
  if (typeof options !== 'object' || options === null) {
    throw invalid(`${field}: the options must be an object, got ${received(options)}`);
  }
  const { mode, request, dependsOn, isAborted, reload, only, report } = options;
  if (mode !== undefined && mode !== 'use' && mode !== 'bypass' && mode !== 'refresh') {
    throw invalid(`${field}: mode must be "use", "bypass" or "refresh", got ${received(mode)}`);
  }
  if (request !== undefined && (typeof request !== 'object' || request === null)) {
    throw invalid(`${field}: request must be an object, got ${received(request)}`);
  }
  if (dependsOn !== undefined && typeof dependsOn?.key?.text !== 'string') {
    throw invalid(`${field}: dependsOn must be the dependency of an outcome, got ${received(dependsOn)}`);
  }
  if (isAborted !== undefined && typeof isAborted !== 'function') {
    throw invalid(`${field}: isAborted must be a function, got ${received(isAborted)}`);
  }
  if (reload !== undefined && typeof reload !== 'function') {
    throw invalid(`${field}: reload must be a function, got ${received(reload)}`);
  }
  if (only !== undefined && !(Array.isArray(only) && only.every((name) => typeof name === 'string'))) {
    throw invalid(`${field}: only must be a list of names, got ${received(only)}`);
  }
  if (report !== undefined && typeof report !== 'function') {
    throw invalid(`${field}: report must be a function, got ${received(report)}`);
  }
}

/** NaN if it is no duration. */
function checkedStaleMs({ staleMs = 0, staleIfErrorMs = 0 }: Policy): number {
  return staleMs >= 0 && staleIfErrorMs >= 0 ? Math.max(staleMs, staleIfErrorMs) : Number.NaN;
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_OPTIONS', message);
}
