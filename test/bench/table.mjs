/** A workload's figures for the terminal. */
import { againstPeers, ratioTo } from './figures.mjs';
import { aside, reference, servers } from './servers.mjs';

const columns = [
  { header: 'requests/s', of: ({ perSecond }) => Math.round(perSecond).toLocaleString('en') },
  { header: 'ratio', of: ({ name }, figures) => ratioTo(figures, name)?.toFixed(2) ?? '' },
  { header: 'p50 ms', of: ({ p50Ms }) => p50Ms.toFixed(2) },
  { header: 'p99 ms', of: ({ p99Ms }) => p99Ms.toFixed(2) },
  { header: 'CPU µs', of: ({ cpuUs }) => cpuUs.toFixed(1) },
  { header: 'bytes', of: ({ bytes }) => String(Math.round(bytes)) },
  // Near 100 the load generator is the limit, and the figures say nothing about the server.
  { header: 'load %', of: ({ loadBusy }) => String(Math.round(100 * loadBusy)) },
];
const nameChars = 32;
const cellChars = 12;

/** A row for each server, and for each of this project's servers a line that compares it with the others. */
export function table(figures) {
  return [tableOf(figures, columns), ...comparisons(figures)].join('\n');
}

/** The same for a given rate, without the ratio, which means nothing then. */
export function tableAtHalf(figures) {
  return tableOf(
    figures,
    columns.filter(({ header }) => header !== 'ratio'),
  );
}

function tableOf(figures, shown) {
  const header = ''.padEnd(nameChars) + shown.map((column) => column.header.padStart(cellChars)).join('');
  const rows = figures.map(
    (row) => row.name.padEnd(nameChars) + shown.map(({ of }) => of(row, figures).padStart(cellChars)).join(''),
  );
  return [header, ...rows].join('\n');
}

function comparisons(figures) {
  const measured = servers.filter(({ kind, name }) => kind === 'ours' && figures.some((row) => row.name === name));
  return measured.map(({ name, hasRedisOnly }) => {
    const others = [
      ['node:http', ratioTo(figures, name)],
      ['cache-aside', ratioTo(figures, name, aside.name)],
      ['no cache', ratioTo(figures, name, reference.name)],
    ];
    const peers = againstPeers(figures, name);
    if (peers !== undefined) others.push([`the fastest peer, ${peers.fastest}`, peers.ratio]);
    const alike = hasRedisOnly ? againstPeers(figures, name, (peer) => peer.hasRedisOnly) : undefined;
    if (alike !== undefined) others.push([`the fastest on Redis, ${alike.fastest}`, alike.ratio]);
    const known = others.filter(([, ratio]) => ratio !== undefined);
    return `${name}: ${known.map(([other, ratio]) => `${ratio.toFixed(2)} × ${other}`).join(' · ')}`;
  });
}
