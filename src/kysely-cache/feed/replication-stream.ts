/**
 * A stream of the changes that a replication slot retains, by PostgreSQL's streaming replication protocol.
 * https://www.postgresql.org/docs/current/protocol-replication.html
 * https://www.postgresql.org/docs/current/protocol-logical-replication.html
 */
import type { Client, ClientConfig } from 'pg';
import { LogicalReplicationService, PgoutputPlugin, type Pgoutput } from 'pg-logical-replication';
import { lsnOf, lsnText, type Lsn } from './lsn.ts';

export interface StreamListener {
  readonly onMessage: (message: Pgoutput.Message) => void;
  /**
   * @param walEnd Everything before it that the publication contains has been sent.
   * @param isQuestion Whether the server ends the connection if it is not answered by `acknowledge`.
   */
  readonly onKeepalive: (walEnd: Lsn, isQuestion: boolean) => void;
}

interface StreamOptions extends StreamListener {
  readonly connection: ClientConfig;
  readonly slot: string;
  readonly publication: string;
  /** Runs before the stream begins, in its session, which accepts the simple query protocol only. */
  readonly prepare: (client: Client) => Promise<void>;
}

/**
 * The server ends the connection of a process that does not answer for this time: a stopped process must not keep the slot. It asks
 * for an answer after half of it.
 */
const senderTimeout = '2s';
/** The code of `skipped loading publication`. */
const publicationSkipped = '55000';

export class ReplicationStream {
  /** Resolves when the stream has begun, or has failed to. */
  readonly started: Promise<void>;
  /** Resolves when the stream has ended, with the reason. */
  readonly ended: Promise<unknown>;
  readonly #service: LogicalReplicationService;

  constructor({ connection, slot, publication, prepare, onMessage, onKeepalive }: StreamOptions) {
    let skipped = (_notice: unknown): void => {};
    const hasSkipped = new Promise<unknown>((resolve) => (skipped = resolve));
    const plugin = new KeyPlugin({ protoVersion: 1, publicationNames: [publication] }, async (client) => {
      // From PostgreSQL 18 on, the server continues without the changes of a publication that is not there.
      client.on('notice', (notice) => void (notice.code === publicationSkipped && skipped(notice)));
      await prepare(client);
    });
    const config = { acknowledge: { auto: false, timeoutSeconds: 0 } } as const;
    this.#service = new LogicalReplicationService(connection, config);
    this.#service.on('data', (_lsn: string, message: Pgoutput.Message) => onMessage(message));
    this.#service.on('heartbeat', (walEnd, _timestamp, isQuestion) => onKeepalive(lsnOf(walEnd), isQuestion));
    const failed = new Promise<unknown>((resolve) => this.#service.on('error', resolve));
    const subscribed = this.#service.subscribe(plugin, slot).then(
      () => new Error('the server has ended the stream'),
      (error: unknown) => error,
    );
    this.ended = Promise.race([failed, subscribed, hasSkipped]);
    this.started = Promise.race([
      new Promise<void>((resolve) => this.#service.on('start', resolve)),
      this.ended.then(() => undefined),
    ]);
  }

  /** Tells the server that everything before `lsn` has been processed, and that this process is alive. */
  acknowledge(lsn: Lsn): void {
    // The library sends the position after the one that it is given. A transaction whose commit record begins right at the end
    // of this one would be skipped: the server would count it as acknowledged.
    if (lsn > 0n) void this.#service.acknowledge(lsnText(lsn - 1n));
  }

  async close(): Promise<void> {
    await this.#service.destroy();
  }
}

/** Leaves the values of rows as the text that PostgreSQL sends: tags contain them as text. */
class KeyPlugin extends PgoutputPlugin {
  readonly #prepare: (client: Client) => Promise<void>;

  constructor(options: Pgoutput.Options, prepare: (client: Client) => Promise<void>) {
    super(options);
    this.#prepare = prepare;
  }

  override async start(client: Client, slot: string, lsn: string): Promise<unknown> {
    // To create a slot takes as long as the longest transaction.
    await client.query(`set wal_sender_timeout = '${senderTimeout}'; set statement_timeout = 0`);
    await this.#prepare(client);
    return (await super.start(client, slot, lsn)) as unknown;
  }

  override parse(message: Buffer): Pgoutput.Message {
    const parsed = super.parse(message);
    if (parsed.tag === 'relation') for (const column of parsed.columns) column.parser = (text: unknown) => text;
    return parsed;
  }
}
