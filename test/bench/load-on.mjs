/** One load on servers, and what of their CPUs it took. */
import { tell } from './processes.mjs';

/**
 * @param load The process that generates load.
 * @param task What `load.mjs` takes, but for the ports.
 * @returns What `load.mjs` gives, and `cpuUs`: what the servers have used for a request, microseconds.
 * @throws {Error} naming the servers, where one did not answer with status 200.
 */
export async function loadOn(servers, load, task) {
  const cpuBefore = await cpuUsOf(servers);
  const result = await tell(load, { ...task, ports: servers.map(({ port }) => port) });
  if (result.error !== undefined) {
    const asked = task.workload === undefined ? task.body.slice(0, 200) : `workload (${task.workload})`;
    throw new Error(`${servers.map(({ name }) => name).join(', ')}, ${asked}: ${result.error}`);
  }
  return { ...result, cpuUs: ((await cpuUsOf(servers)) - cpuBefore) / result.requests };
}

async function cpuUsOf(servers) {
  const all = await Promise.all(servers.map((server) => server.cpuUs()));
  return all.reduce((sum, us) => sum + us, 0);
}
