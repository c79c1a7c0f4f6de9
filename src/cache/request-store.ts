/**
 * The store as one fetch sees it: its calls together are waited for no longer than a single call may take, so that a
 * slow store, whose every answer comes just in time, does not hold a request up once for each.
 *
 * What is not waited for runs on under its own deadline, and what is asked when nothing is left is not begun. The breaker
 * hears how a call ends, so slowness that is no failure does not open it; and a write that comes late is right all the
 * same, being stamped, and ending when its writer said.
 */
import type { Clock } from './clock.ts';
import type { EmitEvent } from './events.ts';
import type { FillReply, LeaseReply, LeaseRequest, StoreRead, StoreWrite } from './store.ts';

/** Undefined where the store failed, or took too long. None of them rejects. */
export interface RequestStore {
  read(key: string, tags: readonly string[]): Promise<StoreRead | undefined>;
  tokens(tags: readonly string[]): Promise<(string | undefined)[] | undefined>;
  capture(tags: readonly string[]): Promise<(string | undefined)[] | undefined>;
  /** Undefined also where it is not known whether the value was stored. */
  write(key: string, write: StoreWrite): Promise<(string | undefined)[] | undefined>;
  acquire(key: string, request: LeaseRequest): Promise<LeaseReply | undefined>;
  fill(key: string, write: StoreWrite & { readonly lease: string }): Promise<FillReply | undefined>;
  renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void>;
  release(key: string, end: { readonly lease: string; readonly openMs: number }): Promise<void>;
}

/** @param calls Each of which answers within `deadlineMs`. */
export function inOneDeadline(
  calls: RequestStore,
  { clock, deadlineMs, emit }: { clock: Clock; deadlineMs: number; emit: EmitEvent },
): RequestStore {
  let leftMs = deadlineMs;
  const waitFor = <T>(operation: string, call: () => Promise<T | undefined>): Promise<T | undefined> => {
    if (leftMs === deadlineMs) return call(); // nothing is spent as yet: the call's own deadline will do
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        emit({ type: 'store-slow', operation });
        resolve(undefined);
      };
      if (leftMs <= 0) return goOn();
      const cancel = clock.after(leftMs, goOn);
      call().finally(cancel).then(resolve, reject);
    });
  };
  const timed = async <T>(operation: string, call: () => Promise<T | undefined>): Promise<T | undefined> => {
    const startedMs = clock.nowMs();
    const answer = await waitFor(operation, call);
    leftMs -= clock.nowMs() - startedMs;
    return answer;
  };

  return {
    read: (key, tags) => timed('read', () => calls.read(key, tags)),
    tokens: (tags) => timed('tokens', () => calls.tokens(tags)),
    capture: (tags) => timed('capture', () => calls.capture(tags)),
    write: (key, write) => timed('write', () => calls.write(key, write)),
    acquire: (key, request) => timed('acquire', () => calls.acquire(key, request)),
    fill: (key, write) => timed('fill', () => calls.fill(key, write)),
    renew: (key, renewal) => timed('renew', () => calls.renew(key, renewal)),
    release: (key, end) => timed('release', () => calls.release(key, end)),
  };
}
