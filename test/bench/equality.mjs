/** Before anything is timed: that all servers answer the same, twice, and that who caches leaves the database alone. */
import { Client } from 'pg';
import { ask } from './ask.mjs';
import { workloads } from './workloads.mjs';

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
    for (const { name, kind, port } of running.filter((server) => server.kind !== 'none')) {
      for (const letter of names.filter((one) => workloads[one].isWarm)) {
        for (const body of workloads[letter].samples) {
          const { extensions } = await ask(port, body).catch((error) => {
            throw new Error(`${name} asks the database in workload (${letter}): ${error.message}`);
          });
          checkTier(name, kind, extensions);
        }
      }
    }
  } finally {
    await client.end();
  }
}

/** That this project's server, where it reports, hits in the tier that it is measured for. */
function checkTier(name, kind, extensions) {
  if (kind !== 'ours' || extensions?.cache === undefined) return;
  const expected = name.includes('memory') ? 'memory' : 'redis';
  const other = extensions.cache.fields.find(({ tier }) => tier !== expected);
  if (other !== undefined) throw new Error(`${name}: a hit came from ${other.tier}`);
}
