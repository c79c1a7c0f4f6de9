/**
 * `npm run bench`: measures this project, its peers, and the upper bound, under the same load on the same data. The
 * last run is kept in test/bench/out.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { pid, stdout } from 'node:process';
import { Command } from 'commander';
import { startBackends } from './backends.mjs';
import { chart } from './chart.mjs';
import { checkAnswers, checkHits, referenceAnswers } from './equality.mjs';
import { listOf, numberFrom } from './option-values.mjs';
import { machine } from './machine.mjs';
import { fastestPeer, figuresOf } from './figures.mjs';
import { installPeers } from './peers.mjs';
import { pinThisProcess, startNode, startServer } from './processes.mjs';
import { printSection } from './docs-section.mjs';
import { measure, roundsMax, smallestBodies } from './rounds.mjs';
import { plain, reference, servers } from './servers.mjs';
import { table, tableAtHalf } from './table.mjs';
import { workloads } from './workloads.mjs';

const out = new URL('out/', import.meta.url);
const connections = 32;
const options = new Command('npm run bench --')
  .description(
    'Measures this project and its peers under the same load. It takes about fifteen minutes on a machine without other work.',
  )
  .option('--only <names>', 'workloads, such as a,b; see workloads.mjs', listOf(workloads), Object.keys(workloads))
  .option('--servers <texts>', 'only servers whose name contains one of these texts, and plain node:http', '')
  .option('--rounds <number>', 'of each workload', numberFrom(1, roundsMax), 7)
  .option('--seconds <number>', 'of each server in each round', numberFrom(0.01), 0.5)
  .option(
    '--half',
    'then once more: each server at half of the rate that it reached, and, where all is cached, ' +
      "this project and the fastest peer at half of the peer's rate",
  )
  .option('--check', 'only start all servers and compare their answers')
  .option('--docs', "measure nothing: print the documentation's section, and draw its chart, from the last run")
  .parse()
  .opts();
const { only: names, rounds } = options;
const ms = options.seconds * 1_000;

/** The functions that end what was started; they run in reverse order. */
const started = [];
if (options.docs) {
  await printSection(out);
} else {
  // The exit of this process ends what it has started.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  try {
    await run();
  } finally {
    for (const end of started.toReversed()) await end();
  }
}

async function run() {
  const wanted = options.servers.split(',');
  const chosen = servers.filter(({ name }) => name === plain.name || wanted.some((text) => name.includes(text)));
  if (chosen.some(({ needsPeers }) => needsPeers)) await installPeers();
  await mkdir(out, { recursive: true });
  const isPinned = !options.check && pinThisProcess();
  const backends = await startBackends();
  started.push(() => backends.stop());

  say('Starting the servers, and comparing their answers');
  const answersFile = new URL(`answers-${pid}.json`, out);
  const open = async (server) => {
    const redisUrl = backends.redisUrl(servers.findIndex(({ name }) => name === server.name));
    const env = { DATABASE_URL: backends.databaseUrl, REDIS_URL: redisUrl, ANSWERS: answersFile.pathname };
    const running = await startServer(server, env);
    started.push(() => running.stop());
    return running;
  };
  const first = await open(reference);
  const answers = await referenceAnswers(first, names);
  await writeAnswers(answersFile, answers);
  const running = [];
  for (const server of chosen) {
    const one = server.name === reference.name ? first : await open(server);
    await checkAnswers(one, answers);
    running.push(one);
  }
  await rm(answersFile);
  await checkHits(running, backends.databaseUrl, names);
  say(
    `${running.length} servers give equal answers to ${answers.size} requests, those with a cache without the database`,
  );
  if (!options.check) await measureAll(running, { isPinned, backends, answers });
}

async function measureAll(running, { isPinned, backends, answers }) {
  const load = startNode(['load.mjs'], { core: 1 });
  started.push(() => load.kill());
  if (!isPinned) say('Not pinned to processors: taskset is missing. Servers and load share all of them.');
  const results = {
    ...(await machine(backends.redisCommand)),
    connections,
    rounds,
    seconds: ms / 1_000,
    isPinned,
    workloads: {},
  };
  const bodyBytesOf = smallestBodies(answers);
  for (const name of names) {
    const { title } = workloads[name];
    say(`\n(${name}) ${title}`);
    const isFirst = name === names[0];
    const parts = { load, rounds, ms, isFirst, connections, bodyBytesOf, onRound: (round) => progress(round) };
    const figures = figuresOf(await measure(name, running, parts));
    results.workloads[name] = { title, figures };
    say(table(figures));
    if (!options.half) continue;
    const rates = new Map(figures.map((one) => [one.name, one.perSecond / 2]));
    const atHalf = figuresOf(await measure(name, running, { ...parts, rates }));
    results.workloads[name].atHalf = atHalf;
    say(`at half of each server's own rate\n${tableAtHalf(atHalf)}`);
    const peer = fastestPeer(figures);
    if (peer === undefined || !workloads[name].isWarm) continue;
    const compared = running.filter((one) => one.kind === 'ours' || one.name === peer.name);
    const sameRate = new Map(compared.map((one) => [one.name, peer.perSecond / 2]));
    const atSameRate = figuresOf(await measure(name, compared, { ...parts, rates: sameRate }));
    results.workloads[name].atSameRate = atSameRate;
    say(`at the same rate, half of what ${peer.name} has reached\n${tableAtHalf(atSameRate)}`);
  }
  await writeFile(new URL('bench.json', out), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(new URL('bench.svg', out), chart(results));
  say('\nWritten: test/bench/out/bench.json and bench.svg');
}

/**
 * Writes the responses of the reference server for the plain servers. Requests that are never repeated share one
 * response.
 */
async function writeAnswers(file, answers) {
  const pairs = [...answers].map(([body, data]) => [body, `{"data":${data}}`]);
  const [, otherwise] = pairs.find(([body]) => workloads.g.samples.includes(body)) ?? ['', '{"data":{}}'];
  await writeFile(file, JSON.stringify({ pairs, otherwise }));
}

function progress(round) {
  if (stdout.isTTY) stdout.write(`\rround ${round} of ${rounds}${round === rounds ? '\r\x1b[K' : ''}`);
}

function say(text) {
  stdout.write(`${text}\n`);
}
