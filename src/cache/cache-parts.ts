/** Creates the parts of a cache and connects them. */
import { BackgroundLoads } from './background-loads.ts';
import { Background } from './base/background.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { Bulkhead } from './bulkhead.ts';
import type { CacheOptions } from './cache-options.ts';
import type { EmitEvent } from './events/events.ts';
import { ClassCodecs } from './entry/class-codecs.ts';
import { Deleter } from './deleter.ts';
import { GetOrLoad } from './get-or-load.ts';
import { InFlightLoads } from './in-flight.ts';
import { Invalidator } from './invalidator.ts';
import { Leases } from './lease.ts';
import { LoadFailures } from './load-failures.ts';
import { createMemoryTier, type MemoryTier } from './memory/memory-tier.ts';
import type { LoadResult } from './outcome.ts';
import { PendingInvalidations } from './pending-invalidations.ts';
import { PropertyReplacer } from './property-replacer.ts';
import { RecentReads } from './recent-reads.ts';
import { Refills } from './refills.ts';
import { Refresher } from './refresher.ts';
import { Revalidator } from './revalidate.ts';
import { ShadowChecks } from './shadow-checks.ts';
import { ShadowDraws } from './shadow-draws.ts';
import type { RunningLoads } from './scope/load-cycle.ts';
import { CachedUsage } from './store/cached-usage.ts';
import { GuardedStore } from './store/guarded-store.ts';
import { TouchedTags } from './tags/touched-tags.ts';
import { TracedReads, tracedRevalidations, type Reads, type Revalidations } from './traced-reads.ts';
import { Tracing } from './tracing.ts';
import { WarmUp } from './warm-up.ts';

/** What a cache consists of, from the bottom up. */
export interface CacheParts {
  readonly clock: Clock;
  readonly store: GuardedStore;
  readonly codecs: ClassCodecs;
  readonly usage: CachedUsage;
  readonly background: Background;
  readonly leases: Leases;
  readonly memory: MemoryTier | undefined;
  readonly running: RunningLoads;
  readonly reads: RecentReads;
  readonly backgroundLoads: BackgroundLoads;
  readonly refills: Refills;
  readonly shadowChecks: ShadowChecks;
  /** Undefined if any number of loads may run at once. */
  readonly bulkhead: Bulkhead | undefined;
  readonly getOrLoad: Reads;
  readonly revalidator: Revalidations;
  readonly invalidator: Invalidator;
  readonly deleter: Deleter;
  readonly replacer: PropertyReplacer;
  readonly pending: PendingInvalidations;
  readonly warmUp: WarmUp;
}

interface Callbacks {
  readonly emit: EmitEvent;
  /** Called with what a function of the caller threw. */
  readonly callbackFailed: (error: unknown) => void;
}

export function createParts(options: CacheOptions, { emit, callbackFailed }: Callbacks): CacheParts {
  const { store: given, clock = systemClock, deadlineMs = 100, random = Math.random } = options;
  const { knownTags = () => [], memoryBytesMax = 0, loadsAtOnceMax, tracer, shadowGraceMs = 3_000 } = options;
  const store = new GuardedStore(given, { clock, deadlineMs, emit });
  const usage = new CachedUsage(() => store.usage(), clock);
  const background = new Background();
  const codecs = new ClassCodecs(options.codecs ?? [], (codec, error) => emit({ type: 'decode-failed', codec, error }));
  const tracing = tracer === undefined ? undefined : new Tracing(tracer, callbackFailed);
  const base = { guarded: store, background, clock, emit, codecs, tracing };

  const loads = new InFlightLoads<LoadResult>(clock);
  const leases = new Leases({ ...base, random });
  const onChanged = (tags: readonly string[]): void => refills.changed(tags);
  const memory = createMemoryTier(given, { bytesMax: memoryBytesMax, clock, emit, codecs, onChanged });
  const shared = { ...base, tier: given.tier, leases, loads, memory, random };

  const running: RunningLoads = new Map();
  const touched = new TouchedTags(knownTags, callbackFailed);
  const bulkhead = loadsAtOnceMax === undefined ? undefined : new Bulkhead({ slotsMax: loadsAtOnceMax, clock });
  const limits = { failures: new LoadFailures(clock), bulkhead };
  const loading = { ...shared, ...limits, running, touched };
  const backgroundLoads = new BackgroundLoads({ ...loading, onEnd: () => refills.runWaiting() });
  const reads = new RecentReads(clock);
  const refills = new Refills({ reads, loads: backgroundLoads, emit });
  const shadowChecks = new ShadowChecks({ ...loading, graceMs: shadowGraceMs });
  const shadow = new ShadowDraws({ checks: shadowChecks, random });
  const refresher = new Refresher({ loads: backgroundLoads, shadow, random });

  const getOrLoad = new GetOrLoad({ ...loading, refresher });
  const revalidator = new Revalidator({ ...shared, refresher });
  const invalidator = new Invalidator({ ...shared, revalidator, refills });
  const deleter = new Deleter({ ...shared, namespace: given.namespace, revalidator });
  const replacer = new PropertyReplacer({ ...base, deleter });
  const onPending = (isPending: boolean): void => store.suspend(pending, isPending);
  const pending = new PendingInvalidations({ invalidate: invalidator.invalidate, onPending, clock, emit });

  return {
    ...{ clock, store, codecs, usage, background, leases, memory, running, reads },
    ...{ bulkhead, backgroundLoads, refills, shadowChecks, invalidator, deleter, replacer, pending },
    getOrLoad: tracing === undefined ? getOrLoad : new TracedReads(getOrLoad, tracing),
    revalidator: tracing === undefined ? revalidator : tracedRevalidations(revalidator, tracing),
    warmUp: new WarmUp(base),
  };
}
