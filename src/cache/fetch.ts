/** A fetch on its way through `get-or-load.ts`, and what it needs. */
import type { CachedEntry } from './entry/entry.ts';
import type { PropertyNames } from './entry/properties.ts';
import type { Tier } from './events/events.ts';
import type { InFlightLoads } from './in-flight.ts';
import type { LoadParts, LoadRequest } from './load.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import type { Answer, LoadResult } from './outcome.ts';

/** `use` reads and stores, `bypass` does neither, `refresh` loads and stores. */
export type Mode = 'use' | 'bypass' | 'refresh';

export interface FetchRequest extends Pick<LoadRequest, 'key' | 'policy' | 'load' | 'dependsOn' | 'isAborted'> {
  /** Loads the value when no request waits for it. */
  readonly reload: () => unknown;
  readonly mode: Mode;
  /** The properties that the caller needs; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** What this fetch is part of. After one of its fetches has failed at the store, the others bypass it. */
  readonly request: object | undefined;
}

/** What a refresh needs of a fetch. */
export type RefreshRequest = Pick<FetchRequest, 'key' | 'policy' | 'reload' | 'dependsOn'>;

export interface FetchParts extends LoadParts {
  readonly tier: Tier;
  readonly loads: InFlightLoads<LoadResult>;
  readonly memory: MemoryTier | undefined;
  /** See `refresher.ts`. */
  readonly refresher: {
    answerWith(request: RefreshRequest, tier: Tier, entry: CachedEntry): Answer;
  };
}

export interface Fetch extends LoadRequest, Pick<FetchRequest, 'reload'> {
  /** The properties to read, if they are stored apart; undefined if they are not expected to be. */
  readonly names: PropertyNames | undefined;
  /** For how long after it has expired a value is accepted; and if its load fails or takes long. */
  readonly staleMs: number;
  readonly staleIfErrorMs: number;
  /** The memory tier, if this fetch may read it. */
  readonly memory: MemoryTier | undefined;
  /** Whether it has joined a load in vain. If the second one has no result for it either, it loads for itself. */
  readonly isRetry: boolean;
  /** How many loads that it joined have failed with an error that claims to be a cancellation. */
  readonly claims: number;
  /** Set once the request has received an expired value: it then joins no load, and begins none. */
  readonly fallback: { isReturned: boolean };
}
