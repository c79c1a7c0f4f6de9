/**
 * `npm run bench:curves`: how the costs of cachepot grow. For each curve it prints the expectation, with a tolerance,
 * and the measurement: CPU time of the servers' processes, which other work on the machine affects little. The last run
 * is kept in test/bench/out.
 */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { pid, stdout } from 'node:process';
import { Command } from 'commander';
import { startRedisAlone } from './backends.mjs';
import { curvesChart } from './curves/chart.mjs';
import * as engine from './curves/engine.mjs';
import * as entries from './curves/entries.mjs';
import * as fields from './curves/fields.mjs';
import * as hashes from './curves/hashes.mjs';
import { measureSection } from './curves/measure.mjs';
import * as processes from './curves/processes.mjs';
import * as rows from './curves/rows.mjs';
import { ownServers } from './curves/servers.mjs';
import { curvesMarkdown, panelText } from './curves/table.mjs';
import { listOf, numberFrom } from './option-values.mjs';
import { machine } from './machine.mjs';
import { pinThisProcess, startNode } from './processes.mjs';

const sections = { entries, rows, fields, processes, engine, hashes };
const out = new URL('out/', import.meta.url);
const docsChart = new URL('../../.readme/curves.svg', import.meta.url);
const tinyPoints = 2;

const options = new Command('npm run bench:curves --')
  .description('Measures how costs grow. It takes about five minutes on a machine without other work.')
  .option('--only <names>', 'sections, such as rows,fields', listOf(sections), Object.keys(sections))
  .option('--rounds <number>', 'in each of which every point is measured once', numberFrom(1), 5)
  .option('--seconds <number>', 'of each load in each round', numberFrom(0.001), 0.4)
  .option('--tiny', 'the smallest two points of each section: shows that it runs, not what it costs')
  .option('--docs', "measure nothing: print the documentation's table, and draw its chart, from the last run")
  .parse()
  .opts();
const { only: names, rounds } = options;
const ms = options.seconds * 1_000;

if (options.docs) await printDocs();
else await run();

async function run() {
  // The exit of this process ends what it has started.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  await mkdir(out, { recursive: true });
  const isPinned = !options.tiny && pinThisProcess();
  if (!isPinned && !options.tiny)
    say('Not pinned to processors: taskset is missing. Servers and load share all of them.');
  /** The functions that end what was started; they run in reverse order. */
  const started = [];
  try {
    const backends = await startRedisAlone();
    started.push(() => backends.stop());
    const load = startNode(['load.mjs'], { core: 1 });
    started.push(() => load.kill());
    const small = (values) => (options.tiny ? values.slice(0, tinyPoints) : values);
    const world = { backends, started, load, ms, out, small, say, ours: ownServers({ backends, started }) };
    const about = await machine(backends.redisCommand);
    const results = { ...about, rounds, seconds: ms / 1_000, isPinned, sections: {} };
    for (const name of names) results.sections[name] = await measureAndPrint(name, world);
    // A tiny run is no measurement, so its results are not kept.
    if (!options.tiny) await write(results);
  } finally {
    for (const end of started.toReversed()) await end();
  }
}

async function measureAndPrint(name, world) {
  say(`\n${name}`);
  const own = [];
  try {
    const { panels, open } = sections[name];
    const points = await open({ ...world, own });
    const result = await measureSection({ panels, points }, { rounds, onRound: progress });
    for (const panel of result) say(panelText(panel));
    return result;
  } finally {
    for (const end of own.toReversed()) await end();
  }
}

async function write(results) {
  await writeFile(new URL('curves.json', out), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(new URL('curves.svg', out), curvesChart(results));
  await rm(new URL(`answers-${pid}.json`, out), { force: true });
  const missed = Object.values(results.sections)
    .flat()
    .flatMap(({ curves }) => curves.filter(({ verdict }) => verdict.isMet === false).map(({ title }) => title));
  say(missed.length === 0 ? '\nAll curves are what they should be.' : `\nMissed: ${missed.join('; ')}`);
  say('Written: test/bench/out/curves.json and curves.svg');
}

async function printDocs() {
  const results = JSON.parse(await readFile(new URL('curves.json', out), 'utf8'));
  await copyFile(new URL('curves.svg', out), docsChart);
  stdout.write(curvesMarkdown(results));
}

function progress(round) {
  if (stdout.isTTY) stdout.write(`\rround ${round} of ${rounds}${round === rounds ? '\r\x1b[K' : ''}`);
}

function say(text) {
  stdout.write(`${text}\n`);
}
