// A CDN that records how it is purged.
import { onTestFinished } from 'vitest';
import { createCdn, type Cdn, type CdnOptions, type PurgeCall } from '../../../src/cache/index.ts';
import { tick, type TestClock, type World } from '../world.ts';

export interface Purge extends PurgeCall {
  readonly tags: readonly string[];
}

interface RecordedCdn {
  readonly cdn: Cdn;
  readonly purges: Purge[];
  /** The tags of each purge since the last call. */
  readonly taken: () => readonly (readonly string[])[];
  readonly close: () => Promise<void>;
}

export function newCdn(
  { cache, clock }: Pick<World, 'cache' | 'clock'>,
  { onInvalidate = () => {}, ...options }: CdnOptions = {},
): RecordedCdn {
  const purges: Purge[] = [];
  const record = (tags: readonly string[], call: PurgeCall): unknown => {
    purges.push({ tags, ...call });
    return onInvalidate(tags, call);
  };
  const cdn = createCdn(cache, { onInvalidate: record, clock, ...options });
  onTestFinished(() => closeInTime(cdn, clock));
  return { cdn, purges, taken: () => purges.splice(0).map(({ tags }) => tags), close: () => cdn.close() };
}

/** Also if a purge never ends. */
async function closeInTime(cdn: Cdn, clock: TestClock): Promise<void> {
  const state = { isClosed: false };
  const closing = cdn.close().finally(() => (state.isClosed = true));
  while (!state.isClosed) {
    await tick();
    clock.advance(100);
  }
  await closing;
}

/** Advances the clock in steps, so that what each of them causes has ended before the next one. */
export async function pass(clock: TestClock, ms: number, stepMs = 1_000): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    clock.advance(Math.min(stepMs, ms - passedMs));
    await tick();
  }
}
