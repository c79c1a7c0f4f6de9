import { pino } from 'pino';
import { expect, it } from 'vitest';
import { watchDatabase } from '../../src/server/database-watch.ts';

it('logs each reason once while it waits, and then that the database is available', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });
  expect(await linesOf([refused, refused, refused, starting, starting, true])).toEqual([
    'the database cannot be reached yet: waiting for it (connect ECONNREFUSED)',
    'the database cannot be reached yet: waiting for it (the database system is starting up)',
    'the database is available',
  ]);
});

it('logs the cause of an error that the pool has wrapped, and explains a rejected login', async () => {
  const cause = Object.assign(new Error('password authentication failed for user "shop"'), { code: '28P01' });
  const wrapped = Object.assign(new Error('PostgreSQL cannot be reached', { cause }), { code: '08006' });
  expect(await linesOf([wrapped, true])).toEqual([
    'the database cannot be reached yet: waiting for it (it rejects the user or the password in DATABASE_URL)',
    'the database is available',
  ]);
});

it('logs nothing if the database is available, except that tables are missing', async () => {
  expect(await linesOf([true])).toEqual([]);
  expect(await linesOf([false])).toEqual([expect.stringContaining('has no tables of the shop')]);
});

it('logs a reason again after repeatEveryMs', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const lines = await linesOf([refused, refused, refused, true], { repeatEveryMs: 0 });
  expect(lines.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(3);
});

it('does not wait if the database replies with an unexpected error', async () => {
  const denied = Object.assign(new Error('permission denied'), { code: '42501' });
  expect(await linesOf([denied, true])).toEqual([
    'the database replies, but not to the question whether it has the tables of the shop',
  ]);
});

it('ends when its signal is aborted', async () => {
  const end = new AbortController();
  const tablesExist = async (): Promise<boolean> => {
    end.abort();
    throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
  };
  expect(await watchDatabase({ tablesExist, log: pino({ level: 'silent' }), signal: end.signal })).toBeUndefined();
});

/** The log lines of a watch whose checks return or throw `results`, one after another; then the tables exist. */
async function linesOf(results: (Error | boolean)[], options: { repeatEveryMs?: number } = {}): Promise<string[]> {
  const lines: string[] = [];
  const log = pino(
    {
      base: null,
    },
    {
      write(line: string) {
        const { msg, reason } = JSON.parse(line) as { msg: string; reason?: string };
        lines.push(reason === undefined ? msg : `${msg} (${reason})`);
      },
    },
  );
  const tablesExist = async (): Promise<boolean> => {
    const result = results.shift() ?? true;
    if (result instanceof Error) throw result;
    return result;
  };
  await watchDatabase({ tablesExist, log, signal: new AbortController().signal, askEveryMs: 1, ...options });
  return lines;
}
