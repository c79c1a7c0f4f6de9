/** Runs one load on servers, and measures the CPU time that it takes. */
import { tell } from './processes.mjs';

/**
 * @param load The process that generates load.
 * @param task The parameters of `load.mjs`, except for the ports.
 * @returns The result of `load.mjs`, and `cpuUs`: the CPU time of the servers per request, in microseconds.
 * @throws {Error} naming the servers, if one did not respond with status 200.
 */
export async function loadOn(servers, load, task) {
  const cpuBefore = await cpuUsOf(servers);
  const result = await tell(load, { ...task, ports: servers.map(({ port }) => port) });
  if (result.error !== undefined) {
    const what = task.workload === undefined ? task.body.slice(0, 200) : `workload (${task.workload})`;
    throw new Error(`${servers.map(({ name }) => name).join(', ')}, ${what}: ${result.error}`);
  }
  return { ...result, cpuUs: ((await cpuUsOf(servers)) - cpuBefore) / result.requests };
}

async function cpuUsOf(servers) {
  const all = await Promise.all(servers.map((server) => server.cpuUs()));
  return all.reduce((sum, us) => sum + us, 0);
}
