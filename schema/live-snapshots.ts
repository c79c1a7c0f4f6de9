import { consoleOf } from './console-only.ts';
import { takeSnapshot, type Snapshot, type Watched } from './take-snapshot.ts';

/** How often there is a snapshot if nothing happens. */
const everyMs = 1_000;
/** The time between two snapshots, at least, however much happens. */
const pauseMs = 100;

/**
 * Snapshots without an end: one at once, then one whenever something has happened, and at least every second. Each has the events
 * since the previous one, so that none is lost while the consumer is slow.
 *
 * @param sinceMs The first one has the events after this time. Default: those of the last five minutes.
 */
export async function* liveSnapshots(context: Watched, sinceMs?: number): AsyncGenerator<Snapshot, never> {
  const { history, clock } = consoleOf(context);
  let lastMs = sinceMs;
  for (;;) {
    const snapshot = await takeSnapshot(context, lastMs);
    lastMs = snapshot.atMs;
    yield snapshot;
    await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    await history.untilEventAfter(lastMs, everyMs - pauseMs);
  }
}
