/** Before anything is timed: that all servers answer the same, twice, and that who caches leaves the database alone. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { ask } from './ask.mjs';
import { workloads } from './workloads.mjs';

const turnsMax = 20;
const pauseMs = 100;

/** The answers that all others must equal: pairs of body and `data` as text. */
export async function referenceAnswers({ port }, names) {
  const answers = new Map();
  for (const name of names) for (const body of workloads[name].samples) answers.set(body, (await ask(port, body)).data);
  return answers;
}

/** @throws {Error} naming server and request where a first or a second answer differs. */
export async function checkAnswers({ name, port }, answers) {
  for (const [body, expected] of answers) {
    for (const turn of ['first', 'second']) {
      const { data } = await ask(port, body);
      if (data !== expected) {
        throw new Error(
          `${name}: its ${turn} answer to ${body} is\n${data.slice(0, 500)}\nnot\n${expected.slice(0, 500)}`,
        );
      }
    }
  }
}

/**
 * While the tables are locked, whoever asks the database waits; a server that caches does not.
 *
 * @throws {Error} naming server and workload.
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

/** This project's server, where it reports, must also hit in the tier that it is measured for. */
async function checkHit({ kind, port, hasRedisOnly }, body) {
  const tier = hasRedisOnly ? 'redis' : 'memory';
  for (let turn = 0; turn < turnsMax; turn += 1) {
    const { extensions } = await ask(port, body);
    if (kind !== 'ours' || extensions?.cache === undefined) return;
    if (extensions.cache.fields.every((field) => field.tier === tier)) return;
    // The memory tier is silent for a while where the machine was too busy to prove that it hears of every change.
    await pause(pauseMs);
  }
  throw new Error(`its hits do not come from ${tier}`);
}
