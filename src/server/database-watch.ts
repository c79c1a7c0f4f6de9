/** What the log says of a database that is not there at the start: why, that it is waited for, and when it has come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';

export interface DatabaseWatch {
  /** Whether the shop's tables are there; rejects while the database cannot be reached. */
  readonly tablesExist: () => Promise<boolean>;
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two questions; a second unless told otherwise. */
  readonly askEveryMs?: number;
}

const repeatEveryMs = 30_000;

/** Asks until the database answers. A reason is said once, and again each half a minute. */
export async function watchDatabase({ tablesExist, log, signal, askEveryMs = 1_000 }: DatabaseWatch): Promise<void> {
  let said: { readonly reason: string; readonly atMs: number } | undefined;
  while (!signal.aborted) {
    try {
      const isComplete = await tablesExist();
      if (said !== undefined) log.info('the database is there');
      if (!isComplete)
        log.warn('the database has no tables of the shop: npm run migrate makes them, npm run seed fills them');
      return;
    } catch (error) {
      const reason = reasonOf(error);
      if (signal.aborted) return;
      if (said?.reason !== reason || performance.now() - said.atMs >= repeatEveryMs) {
        said = { reason, atMs: performance.now() };
        log.warn({ reason }, 'the database cannot be reached yet: waiting for it');
      }
    }
    await sleep(askEveryMs, undefined, { ref: false, signal }).catch(() => {}); // the signal ends the loop
  }
}

const refusals: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the user or the password of DATABASE_URL',
  '28000': 'it does not let the user of DATABASE_URL in',
  '3D000': 'it has no database of the name in DATABASE_URL',
};

/** In words that hold no password: of errors from below only the code, or a message that Node made. */
function reasonOf(error: unknown): string {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(origin instanceof Error)) return String(origin);
  const code = 'code' in origin && typeof origin.code === 'string' ? origin.code : '';
  return refusals[code] ?? (origin.message || code);
}
