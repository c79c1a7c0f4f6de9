import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { cancelStatement } from './cancel.ts';
import { DatabaseUnavailableError, isDatabaseUnavailable } from './unavailable.ts';

/** How a running statement is watched. All times are in milliseconds. */
export interface Watch {
  /** Whether the server replies at all; never rejects. */
  readonly isThere: () => Promise<boolean>;
  /** How often that is asked. */
  readonly askEveryMs: number;
  /** Milliseconds after which a statement is cancelled. */
  readonly statementMsMax: number;
  /** The time that the server then has to reply. */
  readonly cancelMsMax: number;
}

/**
 * `pool` for Kysely, with four things that node-postgres lacks:
 *
 * - Whatever prevents or breaks a connection becomes a `DatabaseUnavailableError`; what the server says about a statement passes
 *   unchanged.
 * - A connection that breaks while it is checked out does not crash the process (its `error` event has no listener then).
 * - A statement that takes too long is cancelled from here. PgBouncer rejects connections that set `statement_timeout`, and in its
 *   transaction mode a SET would change the setting for other clients.
 * - A server that accepts a statement and never replies (a stopped host, a dropped route) is noticed, and the connection closed: as soon
 *   as it fails to reply to `isThere`, which is asked while a statement takes long, or does not act on a cancellation. TCP by itself
 *   needs a quarter of an hour.
 */
export function guardedPool(pool: Pool, watch: Watch): PostgresPool {
  const losses = new WeakMap<object, Error>();
  // One object per connection: the watch on statements remembers by it whether a transaction was left open.
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
    // The pool notices a broken connection only when its socket ends, which is later than the server's last message.
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
      // node-postgres types it as any string; Kysely compares it with the five that it knows.
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
    // While a statement runs, this destroys the socket, which rejects the statement.
    this.#client.end(() => {});
  }
}
