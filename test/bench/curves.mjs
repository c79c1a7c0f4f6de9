/**
 * `npm run bench:curves`: how what cachepot costs grows with what there is. For each curve it says what it should be, with a
 * tolerance, and what was measured.
 *
 *   --only a,b       sections: entries, rows, fields, processes, engine (all)
 *   --rounds 5       in each of which every point is measured once; the figures are medians
 *   --seconds 0.4    of each load in each round
 *   --tiny           the smallest two points of each section: that it runs, not what it costs
 *   --readme         measure nothing; print the README's table, and put its chart there, from the last run
 *
 * The last run is kept in test/bench/out. It takes about five minutes, on a machine that does nothing else. Costs are CPU
 * time of the servers' processes, which others who use the machine make longer by little.
 */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { startRedisAlone } from './backends.mjs';
import { curvesChart } from './curves/chart.mjs';
import * as engine from './curves/engine.mjs';
import * as entries from './curves/entries.mjs';
import * as fields from './curves/fields.mjs';
import { measureSection } from './curves/measure.mjs';
import * as processes from './curves/processes.mjs';
import * as rows from './curves/rows.mjs';
import { ownServers } from './curves/servers.mjs';
import { curvesMarkdown, panelText } from './curves/table.mjs';
import { machine } from './machine.mjs';
import { pinThisProcess, startNode } from './processes.mjs';

const sections = { entries, rows, fields, processes, engine };
const out = new URL('out/', import.meta.url);
const readmeChart = new URL('../../.readme/curves.svg', import.meta.url);
const tinyPoints = 2;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(sections).join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.4' },
    tiny: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
});
const names = options.only.split(',');
const rounds = Number(options.rounds);
const ms = Number(options.seconds) * 1_000;
const unknown = names.find((name) => sections[name] === undefined);
if (unknown !== undefined) throw new Error(`--only must be of ${Object.keys(sections).join(',')}, got ${unknown}`);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds must be 1 or more, got ${options.rounds}`);
if (!(ms >= 1)) throw new Error(`--seconds must be a number from 0.001 on, got ${options.seconds}`);

if (options.readme) await printReadme();
else await run();

async function run() {
  // So that what has been started is ended: by the exit of this process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  await mkdir(out, { recursive: true });
  const isPinned = !options.tiny && pinThisProcess();
  if (!isPinned && !options.tiny)
    say('Not pinned to processors: taskset is missing. Servers and load share all of them.');
  /** What is to be ended, the last one first. */
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
    for (const name of names) results.sections[name] = await measured(name, world);
    // Of a run that is no measurement nothing is kept.
    if (!options.tiny) await write(results);
  } finally {
    for (const end of started.toReversed()) await end();
  }
}

async function measured(name, world) {
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
  await rm(new URL('answers.json', out), { force: true });
  const missed = Object.values(results.sections)
    .flat()
    .flatMap(({ curves }) => curves.filter(({ verdict }) => verdict.isMet === false).map(({ title }) => title));
  say(missed.length === 0 ? '\nAll curves are what they should be.' : `\nMissed: ${missed.join('; ')}`);
  say('Written: test/bench/out/curves.json and curves.svg');
}

async function printReadme() {
  const results = JSON.parse(await readFile(new URL('curves.json', out), 'utf8'));
  await copyFile(new URL('curves.svg', out), readmeChart);
  stdout.write(curvesMarkdown(results));
}

function progress(round) {
  if (stdout.isTTY) stdout.write(`\rround ${round} of ${rounds}${round === rounds ? '\r\x1b[K' : ''}`);
}

function say(text) {
  stdout.write(`${text}\n`);
}
