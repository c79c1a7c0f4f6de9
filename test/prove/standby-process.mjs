// A synchronous standby, as far as PostgreSQL can tell: it receives the log and acknowledges it at once.
import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';

const [connectionString] = process.argv.slice(2);
const slot = `standby_${process.pid}`;

class Plugin extends PgoutputPlugin {
  async start(client, ...rest) {
    await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
    return await super.start(client, ...rest);
  }
}

const service = new LogicalReplicationService(
  { connectionString, application_name: 'standby' },
  { acknowledge: { auto: true, timeoutSeconds: 0 } },
);
service.on('heartbeat', (lsn) => void service.acknowledge(lsn));
service.on('data', (lsn, message) => message.tag === 'commit' && service.acknowledge(message.commitEndLsn ?? lsn));
service.on('start', () => process.send?.('ready'));
await service.subscribe(new Plugin({ protoVersion: 1, publicationNames: ['cachepot'] }), slot);
