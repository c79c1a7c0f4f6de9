/**
 * A dialect of Kysely that reports statements when they run, on whatever connection, in a transaction or as a stream.
 *
 * A Kysely plugin would see less: it is called when a statement is compiled, which may be elsewhere; it does not see what a later
 * plugin changes; and of a raw compiled statement, or of one that fails, it sees at most that it ran.
 */
import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult } from 'kysely';
import { currentLoad, type Load } from '../cache/index.ts';
import type { TransactionEffect } from './transaction-effect.ts';
import type { WriteRecorder } from './writes/write-recorder.ts';

/** The callbacks of a watched dialect. */
export interface StatementWatch {
  /** Awaited before the first connection is made. Must not reject. */
  readonly prepare: () => Promise<void>;
  /**
   * Called with each statement before it runs, in the context of the code that runs it.
   *
   * @param during.transactionOf The load in which the connection's transaction began; `'none'` if it began elsewhere or by raw
   *   SQL; undefined if no transaction is open.
   * @param during.writerOfTransaction What records the writes of the connection's transaction; undefined if nothing does.
   */
  readonly onStatement: (
    statement: CompiledQuery,
    during: { transactionOf: Load | 'none' | undefined; writerOfTransaction: WriteRecorder | undefined },
  ) => void;
  /** What records the writes of the code that runs; undefined if nothing does. */
  readonly currentWriter: () => WriteRecorder | undefined;
  /** What a statement does to its connection's transaction. */
  readonly transactionEffectOf: (sql: string) => TransactionEffect;
}

/** Runs a statement that is not watched; returns the only column of its only row. */
export type AskText = (sql: string) => Promise<string>;

/** Watches `dialect`, and returns a function that runs statements unwatched. */
export function watchedDialect(dialect: Dialect, watch: StatementWatch): { dialect: Dialect; ask: AskText } {
  let driver: WatchedDriver | undefined;
  return {
    dialect: {
      createDriver: () => (driver = new WatchedDriver(dialect.createDriver(), watch)),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createAdapter: () => dialect.createAdapter(),
      createIntrospector: (db) => dialect.createIntrospector(db),
    },
    async ask(sql) {
      if (driver === undefined) throw new Error('no Kysely has been made with this dialect yet');
      return await driver.ask(sql);
    },
  };
}

class WatchedDriver implements Driver {
  readonly #inner: Driver;
  readonly #watch: StatementWatch;
  readonly #watched = new WeakMap<DatabaseConnection, WatchedConnection>();
  readonly #unwatched = new WeakMap<DatabaseConnection, DatabaseConnection>();
  #ready: Promise<void> | undefined;

  constructor(inner: Driver, watch: StatementWatch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  init(): Promise<void> {
    this.#ready ??= this.#init().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await this.#inner.acquireConnection();
    const connection = this.#watched.get(inner) ?? new WatchedConnection(inner, this.#watch);
    this.#watched.set(inner, connection);
    this.#unwatched.set(connection, inner);
    return connection;
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await this.#inner.releaseConnection(this.#innerOf(connection));
  }

  async beginTransaction(...[connection, settings]: Parameters<Driver['beginTransaction']>): Promise<void> {
    await this.#inner.beginTransaction(this.#innerOf(connection), settings);
    if (connection instanceof WatchedConnection)
      connection.hasBegun(currentLoad() ?? 'none', this.#watch.currentWriter());
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#ending(connection, async (inner) => {
      await this.#inner.commitTransaction(inner);
      if (connection instanceof WatchedConnection) connection.hasCommitted();
    });
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#ending(connection, (inner) => this.#inner.rollbackTransaction(inner));
  }

  // Kysely calls these if the driver has them, which PostgreSQL's does.
  async savepoint(...[connection, name, compile]: Savepoint): Promise<void> {
    await this.#inner.savepoint?.(this.#innerOf(connection), name, compile);
  }

  async rollbackToSavepoint(...[connection, name, compile]: Savepoint): Promise<void> {
    await this.#inner.rollbackToSavepoint?.(this.#innerOf(connection), name, compile);
    if (connection instanceof WatchedConnection) connection.hasRolledBackToSavepoint();
  }

  async releaseSavepoint(...[connection, name, compile]: Savepoint): Promise<void> {
    await this.#inner.releaseSavepoint?.(this.#innerOf(connection), name, compile);
  }

  async destroy(): Promise<void> {
    await this.#inner.destroy();
  }

  async ask(sql: string): Promise<string> {
    await this.init();
    const connection = await this.#inner.acquireConnection();
    try {
      const { rows } = await connection.executeQuery<Record<string, string>>(CompiledQuery.raw(sql));
      const [text] = Object.values(rows[0] ?? {});
      if (text === undefined) throw new Error('the statement gave no row');
      return text;
    } finally {
      await this.#inner.releaseConnection(connection);
    }
  }

  async #init(): Promise<void> {
    await this.#watch.prepare();
    await this.#inner.init();
  }

  /** Statements that the driver itself runs on this connection, such as COMMIT, are not watched. */
  #innerOf(connection: DatabaseConnection): DatabaseConnection {
    return this.#unwatched.get(connection) ?? connection;
  }

  async #ending(connection: DatabaseConnection, end: (inner: DatabaseConnection) => Promise<void>): Promise<void> {
    try {
      await end(this.#innerOf(connection));
    } finally {
      if (connection instanceof WatchedConnection) connection.hasEnded();
    }
  }
}

type Savepoint = Parameters<NonNullable<Driver['savepoint']>>;

class WatchedConnection implements DatabaseConnection {
  #transactionOf: Load | 'none' | undefined;
  #writer: WriteRecorder | undefined;
  /** Informs the load that began the transaction. */
  #commit = (): void => {};
  /** The number of statements that have begun a transaction, or may have. */
  #begun = 0;
  readonly #inner: DatabaseConnection;
  readonly #watch: StatementWatch;

  constructor(inner: DatabaseConnection, watch: StatementWatch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  hasBegun(by: Load | 'none', writer?: WriteRecorder): void {
    this.#begun += 1;
    // BEGIN inside a transaction has no effect.
    if (this.#transactionOf !== undefined) return;
    this.#transactionOf = by;
    this.#writer = writer?.takesTransaction() === true ? writer : undefined;
    if (by === 'none') return;
    let isCommitted = false;
    this.#commit = () => void (isCommitted = true);
    by.readsUncommittedUnless(() => isCommitted, 'a transaction that was not committed');
  }

  hasCommitted(): void {
    this.#commit();
  }

  hasEnded(): void {
    this.#transactionOf = undefined;
    this.#writer = undefined;
    this.#commit = () => {};
  }

  /** What the load has written since the savepoint is undone, and the load may have read it. */
  hasRolledBackToSavepoint(): void {
    if (typeof this.#transactionOf === 'object')
      this.#transactionOf.readsUncommitted('a savepoint that was rolled back to');
  }

  async executeQuery<R>(statement: CompiledQuery): Promise<QueryResult<R>> {
    const settle = this.#onStatement(statement);
    const result = await this.#inner.executeQuery<R>(statement);
    settle();
    return result;
  }

  async *streamQuery<R>(statement: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    const settle = this.#onStatement(statement);
    for await (const chunk of this.#inner.streamQuery<R>(statement, chunkSize)) {
      yield chunk;
      // The code that takes the next rows may run in another load than the code that took the first.
      this.#watch.onStatement(statement, this.#during);
    }
    settle();
  }

  get #during(): Parameters<StatementWatch['onStatement']>[1] {
    return { transactionOf: this.#transactionOf, writerOfTransaction: this.#writer };
  }

  /**
   * Called before the statement runs. A transaction that it may begin counts as open from now on, even if the statement fails.
   *
   * @returns A function to call after the statement has succeeded.
   */
  #onStatement(statement: CompiledQuery): () => void {
    this.#watch.onStatement(statement, this.#during);
    const effect = this.#watch.transactionEffectOf(statement.sql);
    if (effect === 'begins' || effect === 'restarts' || effect === 'may-begin') this.hasBegun('none');
    const begun = this.#begun;
    return () => {
      // Unless another statement, which begins the next transaction, has been sent meanwhile.
      if (effect === 'ends' && begun === this.#begun) this.hasEnded();
    };
  }
}
