/**
 * The measurement. In each round, every server is measured once, one after another; the next round begins with the next
 * server, so that disturbances on the machine affect all of them.
 */
import { loadOn } from './load-on.mjs';
import { workloads } from './workloads.mjs';

/**
 * How long a server warms up: before its first workload, before the first round of each, and before each round. A
 * server that was idle for some seconds, while others were measured, is slow at first, even plain `node:http`. If the
 * database is read, there are so few requests per second that V8 needs several seconds to compile.
 */
const warmMs = { start: 3_000, workload: 1_000, misses: 8_000, round: 700 };
/** The distance of the first requests of two loads: more than a server that reads the database answers in one load. */
const stride = 10_000;
/** How many loads of a server a round tries, if responses are incomplete. */
const attemptsMax = 4;
/** Limits each of both passes, so that workload (g) does not run out of requests. */
export const roundsMax = 24;

/**
 * @param options.load The process that generates load.
 * @param options.onRound Called after each round.
 * @returns The measurements by server, one for each round.
 */
export async function measure(name, running, { load, rounds, ms, isFirst, connections, rates, bodyBytesOf, onRound }) {
  const measured = new Map(running.map((server) => [server.name, []]));
  const runLoad = async (server, round, milliseconds, { rate, attempt = 0 } = {}) => {
    const pass = rate === undefined ? 0 : roundsMax + 1;
    const first = (2 * (pass + round) + (milliseconds === ms ? 1 : 0) + attempt / attemptsMax) * stride;
    return await loadOn([server], load, { workload: name, connections, ms: milliseconds, first, rate });
  };
  /** An error is shorter than a result. If the machine is too busy, a pool may have no connection in time. */
  const completeResponses = async (server, round, rate, attempt = 0) => {
    const result = await runLoad(server, round, ms, { rate, attempt });
    const expected = bodyBytesOf(name);
    if (result.bodyBytes >= expected) return result;
    const what = `answers of ${Math.round(result.bodyBytes)} bytes, ${expected} expected`;
    if (attempt + 1 === attemptsMax) throw new Error(`${server.name}, workload (${name}): ${what}`);
    return await completeResponses(server, round, rate, attempt + 1);
  };
  const { isWarm } = workloads[name];
  const firstMs = isWarm ? (isFirst ? warmMs.start : warmMs.workload) : warmMs.misses;
  for (const server of running) await runLoad(server, 0, firstMs);
  for (let round = 1; round <= rounds; round += 1) {
    for (let turn = 0; turn < running.length; turn += 1) {
      const server = running[(round + turn) % running.length];
      const rate = rates?.get(server.name);
      await runLoad(server, round, warmMs.round, { rate });
      measured.get(server.name).push(await completeResponses(server, round, rate));
    }
    onRound(round);
  }
  return measured;
}

/** The smallest response body of a workload, in bytes: `data` and the JSON around it. */
export function smallestBodies(answers) {
  return (name) => {
    const sizes = workloads[name].samples.map((body) => Buffer.byteLength(answers.get(body)));
    return Math.min(...sizes) + '{"data":}'.length;
  };
}
