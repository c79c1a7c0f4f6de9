import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { cancelStatement } from './cancel.ts';
import { DatabaseUnavailableError, isDatabaseUnavailable } from './unavailable.ts';

/** How a statement under way is watched. All times are in milliseconds. */
export interface Watch {
  /** Whether the server answers at all; never rejects. */
  readonly isThere: () => Promise<boolean>;
  /** How often that is asked. */
  readonly askEveryMs: number;
  /** Milliseconds after which a statement is cancelled. */
  readonly statementMsMax: number;
  /** Milliseconds that the server has to answer then. */
  readonly cancelMsMax: number;
}

/**
 * `pool` for Kysely, with four things that node-postgres leaves open:
 *
 * - whatever keeps a connection from being had, or breaks it, becomes a `DatabaseUnavailableError`; what the server says
 *   about a statement passes untouched;
 * - a connection that breaks while it is checked out does not crash the process (its `error` event has no listener then);
 * - a statement that takes too long is cancelled from here. PgBouncer rejects connections that set `statement_timeout`, and
 *   in its transaction mode a SET would change the setting for other clients;
 * - a server that takes a statement and never answers (a stopped host, a dropped route) is given up, and its connection
 *   with it: as soon as it does not answer `isThere` either, which is asked while a statement takes long, and when it does
 *   not act on a cancellation. TCP by itself needs a quarter of an hour.
 */
export function guardedPool(pool: Pool, watch: Watch): PostgresPool {
  const losses = new WeakMap<object, Error>();
  // One object per connection: by it the watch on statements remembers whether a transaction was left open.
  const guarded = new WeakMap<PoolClient, GuardedClient>();
  // On `connect`, not after it: a listener that comes a tick later can miss the event.
  pool.on('connect', (client) => {
    client.on('error', (error) => losses.set(client, error));
  });
  let ended: Promise<void> | undefined;
  return {
    async connect() {
      try {
        const client = await pool.connect();
        const known = guarded.get(client) ?? new GuardedClient(client, losses, watch);
        guarded.set(client, known);
        return known;
      } catch (error) {
        throw new DatabaseUnavailableError(error);
      }
    },
    end: () => (ended ??= pool.end()),
  };
}

class GuardedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #losses: WeakMap<object, Error>;
  readonly #watch: Watch;
  #isBroken = false;

  constructor(client: PoolClient, losses: WeakMap<object, Error>, watch: Watch) {
    this.#client = client;
    this.#losses = losses;
    this.#watch = watch;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    text: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== 'string') throw new TypeError('This pool has no cursors');
    return this.#answer<R>(text, parameters);
  }

  release(): void {
    // The pool sees that a connection is broken only when its socket ends, which is later than the server's last word.
    this.#client.release(this.#isBroken);
  }

  async #answer<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const { isThere, askEveryMs, statementMsMax, cancelMsMax } = this.#watch;
    let isAnswered = false;
    let deadline = setTimeout(() => {
      this.#cancel();
      const reason = `no answer within ${statementMsMax + cancelMsMax} ms`;
      deadline = setTimeout(() => this.#giveUp(reason), cancelMsMax);
    }, statementMsMax);
    const ask = async (): Promise<void> => {
      if (!(await isThere()) && !isAnswered) this.#giveUp('the server does not answer any more');
    };
    const asking = setInterval(() => void ask(), askEveryMs);
    try {
      const { command, rowCount, rows } = await this.#client.query<R & QueryResultRow>(sql, [...parameters]);
      // node-postgres types it as any text; Kysely compares it with the five that it knows.
      return { command: command as PostgresQueryResult<R>['command'], rowCount: rowCount ?? 0, rows };
    } catch (error) {
      const loss = this.#losses.get(this.#client);
      this.#isBroken ||= loss !== undefined || isDatabaseUnavailable(error);
      throw loss === undefined ? error : new DatabaseUnavailableError(loss);
    } finally {
      isAnswered = true;
      clearTimeout(deadline);
      clearInterval(asking);
    }
  }

  #cancel(): void {
    this.#isBroken = true; // the request may reach the server after the statement has ended, and cancel the next one
    void cancelStatement(this.#client, this.#watch.cancelMsMax);
  }

  #giveUp(reason: string): void {
    this.#losses.set(this.#client, new Error(reason));
    // With a statement under way this destroys the socket, which rejects the statement.
    this.#client.end(() => {});
  }
}
