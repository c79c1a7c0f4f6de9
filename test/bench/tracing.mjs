/**
 * `npm run bench:tracing`: what the tracer of OpenTelemetry costs, with an SDK and without. A process has a cache with the tracer and one
 * without, which take turns every few milliseconds, so that other work on the machine affects both. Each round begins new processes,
 * because V8 optimizes each one a little differently. It prints medians of CPU time; the ratio of a round is the median over its turns.
 */
import { once } from 'node:events';
import { stdout } from 'node:process';
import { Command } from 'commander';
import { startRedisAlone } from './backends.mjs';
import { median } from './figures.mjs';
import { machine } from './machine.mjs';
import { numberFrom } from './option-values.mjs';
import { pinThisProcess, startNode, tell } from './processes.mjs';

const variants = { api: 'no SDK registered', sdk: 'an SDK, with an exporter that discards' };
const operations = { memoryHit: 'hit in memory', redisHit: 'hit in Redis', miss: 'miss: lease, load and fill' };

const { rounds, seconds } = new Command('npm run bench:tracing --')
  .description('Measures what the tracer of OpenTelemetry costs. It takes about two minutes.')
  .option('--rounds <number>', 'in each of which everything is measured once', numberFrom(1), 9)
  .option('--seconds <number>', 'of each measurement', numberFrom(0.001), 1)
  .parse()
  .opts();

// The exit of this process ends what it has started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
if (!pinThisProcess()) say('Not pinned to processors: taskset is missing.');
const backends = await startRedisAlone();
try {
  const measured = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await measureAll(round));
    if (stdout.isTTY) stdout.write(`\rround ${round + 1} of ${rounds}${round + 1 === rounds ? '\r\x1b[K' : ''}`);
  }
  const { date, machine: about } = await machine(backends.redisCommand);
  say(`${date}, Node ${about.node}, Redis ${about.redis}, ${about.model}, ${rounds} rounds of ${seconds} s\n`);
  say(tableOf(measured));
} finally {
  await backends.stop();
}

/** @returns By variant and operation: CPU time in µs without the tracer and with it, and their ratio. */
async function measureAll(round) {
  const names = Object.keys(variants);
  const results = {};
  for (let turn = 0; turn < names.length; turn += 1) {
    const name = names[(round + turn) % names.length];
    results[name] = await measureOne(name);
  }
  return results;
}

async function measureOne(variant) {
  const child = startNode(['tracing-worker.mjs'], {
    core: 0,
    env: { REDIS_URL: backends.redisUrl(0), VARIANT: variant, NAMESPACE: `tracing-${variant}` },
  });
  try {
    await once(child, 'message');
    const result = await tell(child, { ms: seconds * 1_000 });
    if (result.error !== undefined) throw new Error(`${variant}: ${result.error}`);
    return result;
  } finally {
    child.kill();
  }
}

function tableOf(measured) {
  const rows = Object.entries(operations).flatMap(([operation, title]) =>
    Object.entries(variants).map(([variant, name]) => {
      const results = measured.map((round) => round[variant][operation]);
      const of = (key) => median(results.map((result) => result[key]));
      const ratios = results.map(({ ratio }) => ratio).toSorted((a, b) => a - b);
      const range = `${ratios.at(0).toFixed(2)}–${ratios.at(-1).toFixed(2)}`;
      return [title, name, of('plain').toFixed(2), of('traced').toFixed(2), `${of('ratio').toFixed(2)} (${range})`];
    }),
  );
  const header = ['', '', 'without the tracer: CPU µs', 'with it', 'ratio (lowest and highest of the rounds)'];
  const lines = [header, ['---', '---', '---:', '---:', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function say(text) {
  stdout.write(`${text}\n`);
}
