import { pino } from 'pino';
import { expect, it } from 'vitest';
import { watchDatabase } from '../../src/server/database-watch.ts';

it('says each reason once while it waits, and when the database has come', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });
  expect(await linesOf([refused, refused, refused, starting, starting, true])).toEqual([
    'the database cannot be reached yet: waiting for it (connect ECONNREFUSED)',
    'the database cannot be reached yet: waiting for it (the database system is starting up)',
    'the database is available',
  ]);
});

it('looks below what the pool wraps around an error, and says what a refusal means', async () => {
  const cause = Object.assign(new Error('password authentication failed for user "shop"'), { code: '28P01' });
  const wrapped = Object.assign(new Error('PostgreSQL cannot be reached', { cause }), { code: '08006' });
  expect(await linesOf([wrapped, true])).toEqual([
    'the database cannot be reached yet: waiting for it (it rejects the user or the password in DATABASE_URL)',
    'the database is available',
  ]);
});

it('says nothing of a database that is there, but for tables that are missing', async () => {
  expect(await linesOf([true])).toEqual([]);
  expect(await linesOf([false])).toEqual([expect.stringContaining('has no tables of the shop')]);
});

it('says a reason again after half a minute', async () => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const lines = await linesOf([away, away, away, true], { repeatEveryMs: 0 });
  expect(lines.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(3);
});

it('does not wait for a database that answers what it does not expect', async () => {
  const denied = Object.assign(new Error('permission denied'), { code: '42501' });
  expect(await linesOf([denied, true])).toEqual([
    'the database replies, but not to the question whether it has the tables of the shop',
  ]);
});

it('ends when it is told to', async () => {
  const end = new AbortController();
  const tablesExist = async (): Promise<boolean> => {
    end.abort();
    throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
  };
  expect(await watchDatabase({ tablesExist, log: pino({ level: 'silent' }), signal: end.signal })).toBeUndefined();
});

/** What the log says where the database answers like this, one after another. */
async function linesOf(answers: (Error | boolean)[], options: { repeatEveryMs?: number } = {}): Promise<string[]> {
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
    const answer = answers.shift() ?? true;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  await watchDatabase({ tablesExist, log, signal: new AbortController().signal, askEveryMs: 1, ...options });
  return lines;
}
