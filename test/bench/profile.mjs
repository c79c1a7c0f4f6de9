/**
 * `node test/bench/profile.mjs`: profiles a server. Prints self time by function and by package, in percent of the time
 * in which the server was not idle. Only the second half of the load counts, when the server is warm; `(program)` is
 * what V8 and the system do outside of functions.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { Command } from 'commander';
import { startBackends } from './backends.mjs';
import { numberFrom } from './option-values.mjs';
import { pinThisProcess, startNode, startServer, tell } from './processes.mjs';
import { servers } from './servers.mjs';

const command = new Command('node test/bench/profile.mjs')
  .description('Profiles one server of the benchmark under one workload.')
  .argument('[server]', 'its name; see servers.mjs', 'cachepot (Redis)')
  .argument('[workload]', 'see workloads.mjs', 'a')
  .argument('[seconds]', 'the duration of the load', numberFrom(0.01), 10)
  .parse();
const [serverName, workload, seconds] = command.processedArgs;
const server = servers.find(({ name }) => name === serverName);
if (server === undefined) command.error(`no such server: ${serverName}`);
const rows = 15;

const folder = await mkdtemp(join(tmpdir(), 'cachepot-profile-'));
pinThisProcess();
const backends = await startBackends();
const load = startNode(['load.mjs'], { core: 1 });
try {
  const env = { DATABASE_URL: backends.databaseUrl, REDIS_URL: backends.redisUrl(0) };
  const running = await startServer(server, env, [
    '--cpu-prof',
    '--cpu-prof-interval',
    '200',
    '--cpu-prof-dir',
    folder,
  ]);
  const task = { workload, ports: [running.port], connections: 32, ms: seconds * 1_000, first: 0 };
  const { perSecond } = await tell(load, task);
  await running.end();
  stdout.write(`${serverName}, workload (${workload}): ${Math.round(perSecond)} requests/s while profiled\n`);
  const [file] = await readdir(folder);
  print(JSON.parse(await readFile(join(folder, file), 'utf8')));
} finally {
  load.kill();
  await backends.stop();
  await rm(folder, { recursive: true });
}

function print({ nodes, samples, timeDeltas, startTime, endTime }) {
  const fromUs = endTime - (Number(seconds) * 1e6) / 2;
  let nowUs = startTime;
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const [byFunction, byPackage] = [new Map(), new Map()];
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(id);
    const us = timeDeltas[index];
    nowUs += us;
    if (functionName === '(idle)' || nowUs < fromUs) continue;
    const place = placeOf(url);
    const line = `${functionName || '(anonymous)'}  ${place === '' ? '' : `${fileOf(url)}:${lineNumber + 1}`}`;
    byFunction.set(line, (byFunction.get(line) ?? 0) + us);
    byPackage.set(place || functionName, (byPackage.get(place || functionName) ?? 0) + us);
    total += us;
  }
  for (const times of [byFunction, byPackage]) {
    stdout.write('\n');
    for (const [name, us] of [...times].toSorted(([, a], [, b]) => b - a).slice(0, rows))
      stdout.write(`${((100 * us) / total).toFixed(1).padStart(5)} %  ${name}\n`);
  }
}

function placeOf(url) {
  if (url === '') return '';
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  if (url.startsWith('node:')) return 'node';
  return /dist\/(?:src\/)?[^/]+/.exec(url)?.[0] ?? 'bench';
}

function fileOf(url) {
  return url.replace(/^.*?(node_modules|dist)\//, '');
}
