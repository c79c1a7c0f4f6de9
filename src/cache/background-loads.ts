/**
 * Loads that no request waits for: of stale values, of values that are about to expire, and after invalidations.
 *
 * - They take the lease without waiting for it, so one process loads for all. If another load holds it, or one has failed a moment
 *   ago, nothing happens.
 * - Requests do not join them, so that a load that fails in the background fails no request. A request that needs the value waits
 *   for the lease.
 * - One that finds no slot within ten seconds (`bulkhead.ts`) does not begin.
 * - One that runs for too long is given up: its lease ends within a minute, and closing the cache does not wait for it.
 */
import type { Background } from './base/background.ts';
import { CacheError } from './base/errors.ts';
import { Waits } from './base/waits.ts';
import { withSlot, type Slot } from './bulkhead.ts';
import type { RefreshRequest } from './fetch.ts';
import { runLoad, type LoadParts } from './load.ts';
import { PendingReply } from './store/fetch-store.ts';
import type { Stamps } from './tags/tags.ts';
import { about, traced } from './tracing.ts';

/** How long to wait for a load in the background. */
export const giveUpMs = 10_000;

/** For how long it waits for a slot. */
const waitMsMax = 10_000;

interface BackgroundLoadsParts extends LoadParts {
  readonly background: Background;
  /** Called when a load has ended. */
  readonly onEnd: () => void;
}

/** The value that is stored after a load in the background. */
export interface StoredValue {
  readonly stamps: Stamps;
  /** Whether it was loaded here; otherwise a valid value was there already. */
  readonly isLoaded: boolean;
}

interface Beginning {
  /** The entry that is to be replaced although it is valid; undefined if there is none: a valid entry makes the load unnecessary. */
  readonly replacedEntryId: string | undefined;
  /** Called when it has ended. */
  readonly onStored?: (stored: StoredValue | undefined) => void;
}

interface LoadInBackground {
  readonly slot: Slot | undefined;
  /** What caused it, for its span; see `TracedOperation`. */
  readonly cause: unknown;
}

export class BackgroundLoads {
  readonly #parts: BackgroundLoadsParts;
  readonly #running = new Set<string>();
  readonly #waits: Waits;

  constructor(parts: BackgroundLoadsParts) {
    this.#parts = parts;
    this.#waits = new Waits(parts.clock);
  }

  isRunning(key: string): boolean {
    return this.#running.has(key);
  }

  /** Begins to load a value again, unless a load of it runs here already. */
  begin(request: RefreshRequest, { replacedEntryId, onStored = () => {} }: Beginning): void {
    const { text: key, field } = request.key;
    if (this.#waits.isClosed || this.#running.has(key)) return;
    this.#running.add(key);
    const { background, bulkhead, emit, onEnd, tracing } = this.#parts;
    const cause = tracing?.current(); // what follows runs outside of the request
    background.start(async () => {
      let stored: StoredValue | undefined;
      try {
        const load = async (slot: Slot | undefined): Promise<StoredValue | undefined> => {
          // The limit was reached for ten seconds: loads that requests wait for come first.
          if (bulkhead !== undefined && slot === undefined) return undefined;
          return this.#waits.until(this.#load(request, { replacedEntryId, slot, cause }), {
            limitMs: giveUpMs,
            lateError: () => lateError(field),
          });
        };
        stored = await withSlot(bulkhead, load, { waitMsMax });
      } catch (error) {
        emit({ type: 'background-failed', key, field, error });
      } finally {
        this.#running.delete(key);
        onStored(stored);
        onEnd();
      }
    });
  }

  /** Stops waiting for loads. */
  close(): void {
    this.#waits.close();
  }

  async #load(
    { key, policy, reload, dependsOn }: RefreshRequest,
    { replacedEntryId: replaced, slot, cause }: Pick<Beginning, 'replacedEntryId'> & LoadInBackground,
  ): Promise<StoredValue | undefined> {
    if (this.#waits.isClosed) return undefined;
    const { guarded, leases, loads, touched, memory, tracing } = this.#parts;
    const store = guarded.forFetch();
    if (store.isBypassed || store.isFull) return undefined;
    const tags = touched.ofFetch(key.field, policy.tags);
    const miss = { stamps: undefined, rejectedEntryId: replaced };
    const sequence = (): number => loads.sequence;
    const decision = await leases.acquire({ key, tags, store, miss, sequence, canWait: false });
    if (decision.action === 'load-only') return undefined;
    // At most the memory tier has a value from before.
    if (decision.action === 'use-stored') {
      memory?.drop(key.text);
      return { stamps: decision.entry.entry.stamps, isLoaded: false };
    }
    const lease = decision.lease instanceof PendingReply ? await decision.lease.answer : decision.lease;
    if (lease === undefined) return undefined;
    const request = { key, policy, tags, load: reload, dependsOn, isAborted: () => false, store: store.anew() };
    const isReplacing = replaced !== undefined;
    const operation = { type: 'reload', ...about(key), cause } as const;
    const { stamps, notStored } = await traced(tracing, { operation }, () =>
      runLoad(this.#parts, request, { decision: { ...decision, lease }, slot, isReplacing }),
    );
    memory?.drop(key.text);
    return stamps === undefined || notStored !== undefined ? undefined : { stamps, isLoaded: true };
  }
}

/** The error of a load in the background that takes longer than `giveUpMs`. */
export function lateError(field: string): CacheError {
  return new CacheError('LOAD_TIMEOUT', `${field}: a load in the background has run for ${giveUpMs} ms`);
}
