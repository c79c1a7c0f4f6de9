/** The section of docs/benchmarks.md about the last run. */
import { copyFile, readFile } from 'node:fs/promises';
import { stdout } from 'node:process';
import { againstPeers, ratioTo } from './figures.mjs';
import { aside, reference, servers } from './servers.mjs';

const chartFile = '.readme/bench.svg';

/** Prints the section, and copies the chart to the path that it refers to. */
export async function printSection(out) {
  const results = JSON.parse(await readFile(new URL('bench.json', out), 'utf8'));
  await copyFile(new URL('bench.svg', out), new URL(`../../${chartFile}`, import.meta.url));
  stdout.write(sectionOf(results));
}

function sectionOf(results) {
  const { workloads, machine, rounds, seconds, connections } = results;
  const letters = Object.keys(workloads);
  const hits = letters.filter((letter) => !'efg'.includes(letter));
  const rest = letters.filter((letter) => 'efg'.includes(letter));
  return `## How fast

\`npm run bench\` asks this project, its peers and a plain \`node:http\` server that sends the same bytes, over ${connections}
connections that are kept alive. Each server has a processor core of its own; the load generator, PostgreSQL and Redis
share the other. Within a round each is measured for ${seconds} s, one after another; the figures are medians over ${rounds} rounds, and a
ratio is that of the same round. Before, all servers must give equal answers, and those with a cache without the
database. Measured on ${results.date}, ${machine.cores} cores (${machine.model}), Node ${machine.node}, Redis ${machine.redis}.

![Requests per second of each server against plain node:http](${chartFile})

${listOf(workloads)}

When everything is in the cache, against plain \`node:http\` (1.00):

${ratioTable(workloads, hits, (figures, name) => ratioTo(figures, name))}
When something is not, against Yoga with the same resolvers and no cache (1.00):

${ratioTable(workloads, rest, (figures, name) => ratioTo(figures, name, reference.name))}
${detailTable(workloads, letters[0])}
${sameRateTable(workloads)}
${aheadText(workloads)}
The peers are set up as their documentation recommends for speed (\`test/bench/servers\`): ${versionsText(results)}.
This project's server is \`node dist/src/main.js\` with all of its limits, \`CONSOLE=off\` and \`SIMULATED_LATENCY=off\`. A response
cache stores whole operations, and so nothing of (e) and (f), where a field must not be cached.

To repeat it: \`npm ci && npm run bench\` (about fifteen minutes on a machine that does nothing else; \`--only a,b\`,
\`--rounds 3\` and \`--seconds 0.5\` make it shorter). It installs the peers below \`test/bench\`, and writes
\`test/bench/out/bench.json\`.
`;
}

function listOf(workloads) {
  return Object.entries(workloads)
    .map(([letter, { title, figures }]) => `- (${letter}) ${title}: ${sizeText(figures[0].bytes)}`)
    .join('\n');
}

function sizeText(bytes) {
  return bytes < 10_000 ? `${Math.round(bytes)} bytes` : `${Math.round(bytes / 1_000)} kB`;
}

function ratioTable(workloads, letters, ratioOf) {
  const rows = servers.map(({ name }) => [
    name,
    ...letters.map((letter) => ratioOf(workloads[letter].figures, name)?.toFixed(2) ?? ''),
  ]);
  return markdown(['', ...letters.map((letter) => `(${letter})`)], rows);
}

function detailTable(workloads, letter) {
  const { figures, atHalf, title } = workloads[letter];
  const header = [
    `(${letter}) ${title}`,
    'requests/s',
    'p50 ms',
    'p99 ms',
    'CPU µs per request',
    ...(atHalf === undefined ? [] : ['p99 ms at half load']),
  ];
  const rows = figures.map(({ name, perSecond, p50Ms, p99Ms, cpuUs }, index) => [
    name,
    Math.round(perSecond).toLocaleString('en'),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuUs.toFixed(0),
    ...(atHalf === undefined ? [] : [atHalf[index].p99Ms.toFixed(2)]),
  ]);
  return markdown(header, rows);
}

/** For runs with `--half`. */
function sameRateTable(workloads) {
  const measured = Object.entries(workloads).filter(([, { atSameRate }]) => atSameRate !== undefined);
  if (measured.length === 0) return '';
  const ours = servers.filter(({ kind }) => kind === 'ours').map(({ name }) => name);
  const cellOf = (row) => (row === undefined ? '' : `${row.p99Ms.toFixed(2)}, ${row.cpuUs.toFixed(0)}`);
  const rows = ours.map((name) => [
    name,
    ...measured.map(([, { atSameRate }]) => cellOf(atSameRate.find((row) => row.name === name))),
  ]);
  const peers = measured.map(([, { atSameRate }]) => cellOf(atSameRate.find(({ name }) => !ours.includes(name))));
  const header = ['p99 ms, CPU µs per request', ...measured.map(([letter]) => `(${letter})`)];
  return `At the same rate for all, half of what the fastest peer reaches:\n\n${markdown(header, [...rows, ['the fastest peer', ...peers]])}`;
}

function markdown(header, rows) {
  const known = rows.filter(([, ...cells]) => cells.some((cell) => cell !== ''));
  const lines = [header, ['---', ...header.slice(1).map(() => '---:')], ...known];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

/**
 * Names the workloads in which a peer is ahead: of the memory tier, any peer; of Redis, a peer with values in Redis.
 */
function aheadText(workloads) {
  const tiers = [
    { name: 'cachepot (memory)', isPeer: () => true },
    { name: 'cachepot (Redis)', isPeer: ({ hasRedisOnly }) => hasRedisOnly },
  ];
  const sentences = tiers.flatMap(({ name, isPeer }) =>
    Object.entries(workloads).flatMap(([letter, { figures }]) => {
      const peers = againstPeers(figures, name, isPeer);
      if (peers === undefined || peers.ratio >= 1) return [];
      return [
        `- (${letter}): ${peers.fastest} is ahead of ${name}, which has ${peers.ratio.toFixed(2)} of its requests/s.`,
      ];
    }),
  );
  const gains = Object.entries(workloads).flatMap(([letter, { figures }]) => {
    const ratio = ratioTo(figures, tiers[0].name, aside.name);
    return ratio === undefined ? [] : [`(${letter}) ${ratio.toFixed(1)}`];
  });
  const gain =
    gains.length === 0
      ? ''
      : `Against plain cache-aside in Yoga's resolvers, ${tiers[0].name} gives this many times the requests/s: ${gains.join(', ')}.\n`;
  if (sentences.length === 0) return gain;
  return `${gain}\nWhere a peer is ahead:\n\n${sentences.join('\n')}\n`;
}

function versionsText({ peers }) {
  return Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}
