/** What the log says of a database that is not there at the start: why, that it is waited for, and when it has come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../database/index.ts';
import { databaseReason } from './database-reason.ts';
import type { Log } from './log.ts';

export interface DatabaseWatch {
  /** Whether the shop's tables are there; rejects while the database cannot be reached. */
  readonly tablesExist: () => Promise<boolean>;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two questions; a second unless told otherwise. */
  readonly askEveryMs?: number;
  /** After which a reason is said again; half a minute unless told otherwise. */
  readonly repeatEveryMs?: number;
}

/** Asks until the database answers. A reason is said once, and again each half a minute. */
export async function watchDatabase({
  tablesExist,
  log,
  signal,
  askEveryMs = 1_000,
  repeatEveryMs = 30_000,
}: DatabaseWatch): Promise<void> {
  let said: { readonly reason: string; readonly atMs: number } | undefined;
  while (!signal.aborted) {
    try {
      const isComplete = await tablesExist();
      if (said !== undefined) log.info('the database is there');
      if (!isComplete)
        log.warn('the database has no tables of the shop: npm run migrate makes them, npm run seed fills them');
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isDatabaseUnavailable(error)) {
        log.error({ err: error }, 'the database answers, but does not say whether it has the tables of the shop');
        return;
      }
      const reason = databaseReason(error);
      if (said?.reason !== reason || performance.now() - said.atMs >= repeatEveryMs) {
        said = { reason, atMs: performance.now() };
        log.warn({ reason }, 'the database cannot be reached yet: waiting for it');
      }
    }
    await sleep(askEveryMs, undefined, { ref: false, signal }).catch(() => {}); // the signal ends the loop
  }
}
