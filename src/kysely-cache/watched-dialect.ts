/**
 * A dialect of Kysely whose statements are seen when they run, on whatever connection, in a transaction or as a stream.
 *
 * A Kysely plugin would see less: it hears of a statement when it is compiled, which may be elsewhere; not of what a later
 * plugin makes of it; of a raw compiled one and of one that fails only that it ran or not even that.
 */
import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult } from 'kysely';
import { currentLoad, type Load } from '../cache/index.ts';

/** Hears of each statement before it runs, in the context of who runs it. */
export type WatchStatement = (statement: CompiledQuery, during: { transactionOf: Load | 'none' | undefined }) => void;

/** Runs a statement that nobody hears of; gives the only column of its only row. */
export type AskText = (sql: string) => Promise<string>;

/** `dialect`, watched; and a way past the watch. */
export function watchedDialect(dialect: Dialect, watch: WatchStatement): { dialect: Dialect; ask: AskText } {
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
  readonly #watch: WatchStatement;
  readonly #watched = new WeakMap<DatabaseConnection, WatchedConnection>();
  readonly #unwatched = new WeakMap<DatabaseConnection, DatabaseConnection>();
  #ready: Promise<void> | undefined;

  constructor(inner: Driver, watch: WatchStatement) {
    this.#inner = inner;
    this.#watch = watch;
  }

  init(): Promise<void> {
    this.#ready ??= this.#inner.init().catch((error: unknown) => {
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
    await this.#inner.releaseConnection(this.#unwatched.get(connection) ?? connection);
  }

  async beginTransaction(...[connection, settings]: Parameters<Driver['beginTransaction']>): Promise<void> {
    await unheard(connection, () => this.#inner.beginTransaction(connection, settings));
    if (connection instanceof WatchedConnection) connection.transactionOf = currentLoad() ?? 'none';
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await ending(connection, () => this.#inner.commitTransaction(connection));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await ending(connection, () => this.#inner.rollbackTransaction(connection));
  }

  // Kysely asks for these where the driver has them; PostgreSQL's has.
  async savepoint(...args: Savepoint): Promise<void> {
    await unheard(args[0], async () => await this.#inner.savepoint?.(...args));
  }

  async rollbackToSavepoint(...args: Savepoint): Promise<void> {
    await unheard(args[0], async () => await this.#inner.rollbackToSavepoint?.(...args));
  }

  async releaseSavepoint(...args: Savepoint): Promise<void> {
    await unheard(args[0], async () => await this.#inner.releaseSavepoint?.(...args));
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
}

/** Raw SQL that begins a transaction, and such as ends it. */
const begins = /^[\s;]*(begin|start\s+transaction)\b/i;
const ends = /^[\s;]*(commit|end|rollback|abort)(\s+(work|transaction))?(\s+and\s+no\s+chain)?[\s;]*$/i;

type Savepoint = Parameters<NonNullable<Driver['savepoint']>>;

class WatchedConnection implements DatabaseConnection {
  /** The load in which its transaction began, if any. */
  transactionOf: Load | 'none' | undefined;
  /** Whether what runs is the driver's own, such as COMMIT. */
  isUnheard = false;
  readonly #inner: DatabaseConnection;
  readonly #watch: WatchStatement;

  constructor(inner: DatabaseConnection, watch: WatchStatement) {
    this.#inner = inner;
    this.#watch = watch;
  }

  async executeQuery<R>(statement: CompiledQuery): Promise<QueryResult<R>> {
    this.#hear(statement);
    // Also such as nobody told the driver to begin. Where it is not known whether one has ended, it is open.
    if (begins.test(statement.sql)) this.transactionOf = currentLoad() ?? 'none';
    const result = await this.#inner.executeQuery<R>(statement);
    if (ends.test(statement.sql)) this.transactionOf = undefined;
    return result;
  }

  async *streamQuery<R>(statement: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    this.#hear(statement);
    for await (const chunk of this.#inner.streamQuery<R>(statement, chunkSize)) {
      yield chunk;
      // Who takes the next rows may be another load than the one that took the first.
      this.#hear(statement);
    }
  }

  #hear(statement: CompiledQuery): void {
    if (!this.isUnheard) this.#watch(statement, { transactionOf: this.transactionOf });
  }
}

async function unheard(connection: DatabaseConnection, work: () => Promise<void>): Promise<void> {
  if (!(connection instanceof WatchedConnection)) return await work();
  connection.isUnheard = true;
  try {
    await work();
  } finally {
    connection.isUnheard = false;
  }
}

async function ending(connection: DatabaseConnection, end: () => Promise<void>): Promise<void> {
  try {
    await unheard(connection, end);
  } finally {
    if (connection instanceof WatchedConnection) connection.transactionOf = undefined;
  }
}
