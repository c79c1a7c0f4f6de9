/** Logs why the database is unavailable at startup, that it is waited for, and when it is available. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../database/index.ts';
import { databaseReason } from './database-reason.ts';
import type { Log } from './log.ts';

export interface DatabaseWatch {
  /** Whether the shop's tables exist; rejects while the database cannot be reached. */
  readonly tablesExist: () => Promise<boolean>;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** The pause between two checks, in milliseconds. Default: 1,000. */
  readonly askEveryMs?: number;
  /** After this time the same reason is logged again, in milliseconds. Default: 30,000. */
  readonly repeatEveryMs?: number;
}

/** Checks until the database replies. A reason is logged once, and again every half minute. */
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
      if (said !== undefined) log.info('the database is available');
      if (!isComplete)
        log.warn('the database has no tables of the shop: npm run migrate creates them, npm run seed fills them');
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isDatabaseUnavailable(error)) {
        log.error(
          { err: error },
          'the database replies, but not to the question whether it has the tables of the shop',
        );
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
