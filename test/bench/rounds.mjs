/**
 * The measurement. Within a round every server is measured once, one after another, and the next round begins with the
 * next server, so that whatever the machine does meanwhile meets all of them.
 */
import { loadOn } from './load-on.mjs';
import { workloads } from './workloads.mjs';

/**
 * For how long a server warms up before its first workload, before the first round of each, and before each round: one that
 * had nothing to do for some seconds, while the others had their turns, is slow at first, plain `node:http` too. Where the
 * database is asked, there are so few requests in a second that V8 compiles for several of them.
 */
const warmMs = { start: 3_000, workload: 1_000, misses: 8_000, round: 700 };
/** Requests from one load of a server to its next one: more than a server that asks the database answers meanwhile. */
const stride = 10_000;
/** Loads of a server in a round, where its answers are no whole ones. */
const attemptsMax = 4;
/** Of both passes together, so that (g) comes to its end nowhere. */
export const roundsMax = 24;

/**
 * @param options.load The process that generates load.
 * @param options.onRound Told of each finished round.
 * @returns By server, its measurements, one for each round.
 */
export async function measure(name, running, { load, rounds, ms, isFirst, connections, rates, bodyBytesOf, onRound }) {
  const measured = new Map(running.map((server) => [server.name, []]));
  const slot = async (server, round, milliseconds, { rate, attempt = 0 } = {}) => {
    const pass = rate === undefined ? 0 : roundsMax + 1;
    const first = (2 * (pass + round) + (milliseconds === ms ? 1 : 0) + attempt / attemptsMax) * stride;
    return await loadOn([server], load, { workload: name, connections, ms: milliseconds, first, rate });
  };
  /** An error is shorter than an answer. Where the machine is too busy, a pool has no connection in time. */
  const wholeAnswers = async (server, round, rate, attempt = 0) => {
    const result = await slot(server, round, ms, { rate, attempt });
    const expected = bodyBytesOf(name);
    if (result.bodyBytes >= expected) return result;
    const what = `answers of ${Math.round(result.bodyBytes)} bytes, ${expected} expected`;
    if (attempt + 1 === attemptsMax) throw new Error(`${server.name}, workload (${name}): ${what}`);
    return await wholeAnswers(server, round, rate, attempt + 1);
  };
  const { isWarm } = workloads[name];
  const firstMs = isWarm ? (isFirst ? warmMs.start : warmMs.workload) : warmMs.misses;
  for (const server of running) await slot(server, 0, firstMs);
  for (let round = 1; round <= rounds; round += 1) {
    for (let turn = 0; turn < running.length; turn += 1) {
      const server = running[(round + turn) % running.length];
      const rate = rates?.get(server.name);
      await slot(server, round, warmMs.round, { rate });
      measured.get(server.name).push(await wholeAnswers(server, round, rate));
    }
    onRound(round);
  }
  return measured;
}

/** Smallest body of an answer, in bytes: `data` and what JSON needs around it. */
export function smallestBodies(answers) {
  return (name) => {
    const sizes = workloads[name].samples.map((body) => Buffer.byteLength(answers.get(body)));
    return Math.min(...sizes) + '{"data":}'.length;
  };
}
