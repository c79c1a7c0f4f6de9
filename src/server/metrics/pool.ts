import { Gauge, type Registry } from 'prom-client';
import type { ConnectionPool } from '../../database/index.ts';
import { gaugeOnScrape } from './on-scrape.ts';

/** The connections to PostgreSQL. */
export function addPoolMetrics(registry: Registry, pool: ConnectionPool): void {
  const connections: Gauge<'state'> = new Gauge({
    name: 'cachepot_pool_connections',
    help: 'Connections to PostgreSQL: idle, or used by a statement or transaction or still being opened.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { open, idle } = pool;
      connections.set({ state: 'idle' }, idle);
      connections.set({ state: 'used' }, open - idle);
    },
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_pool_connections_max',
    help: 'How many connections to PostgreSQL this process opens at most.',
    read: () => pool.max,
  });
  gaugeOnScrape(registry, {
    name: 'cachepot_pool_waiting',
    help: 'Statements and transactions that wait for a connection to PostgreSQL.',
    read: () => pool.waiting,
  });
}
