/**
 * Checks before the measurement: all servers return equal responses, twice, and a server with a cache serves hits
 * without the database.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { ask } from './ask.mjs';
import { workloads } from './workloads.mjs';

const attemptsMax = 20;
const pauseMs = 100;

/** The responses that all servers must return: `data` as text, by request body. */
export async function referenceAnswers({ port }, names) {
  const answers = new Map();
  for (const name of names) for (const body of workloads[name].samples) answers.set(body, (await ask(port, body)).data);
  return answers;
}

/** @throws {Error} naming the server and the request, if the first or the second response differs. */
export async function checkAnswers({ name, port }, answers) {
  for (const [body, expected] of answers) {
    for (const ordinal of ['first', 'second']) {
      const { data } = await ask(port, body);
      if (data !== expected) {
        throw new Error(
          `${name}: its ${ordinal} answer to ${body} is\n${data.slice(0, 500)}\nnot\n${expected.slice(0, 500)}`,
        );
      }
    }
  }
}

/**
 * Requests cached values while the tables are locked: a request that reads the database would time out.
 *
 * @throws {Error} naming the server and the workload.
 */
export async function checkHits(running, databaseUrl, names) {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin; lock table categories, products, reviews in access exclusive mode');
  try {
    for (const server of running.filter(({ kind }) => kind !== 'none')) {
      for (const letter of names.filter((name) => workloads[name].isWarm)) {
        try {
          for (const body of workloads[letter].samples) await checkHit(server, body);
        } catch (error) {
          throw new Error(`${server.name}, workload (${letter}): ${error.message}`, { cause: error });
        }
      }
    }
  } finally {
    await client.end();
  }
}

/** If this project's server reports its cache, its hits must also come from the tier that is measured. */
async function checkHit({ kind, port, hasRedisOnly }, body) {
  const tier = hasRedisOnly ? 'redis' : 'memory';
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const { extensions } = await ask(port, body);
    if (kind !== 'ours' || extensions?.cache === undefined) return;
    if (extensions.cache.fields.every((field) => field.tier === tier)) return;
    // On a busy machine, the memory tier is not coherent for a while, and serves no hits.
    await pause(pauseMs);
  }
  throw new Error(`its hits do not come from ${tier}`);
}
