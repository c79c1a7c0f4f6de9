/** How costs grow with the rows of a response: with its bytes, like those of a server that only sends them. */
import { writeFile } from 'node:fs/promises';
import { pid } from 'node:process';
import { bodyOf, loading, startPlain, warm } from './servers.mjs';

const panel = { unit: 'CPU µs per request', x: { label: 'bytes of the answer', isLog: true }, y: { isLog: true } };

export const panels = [
  {
    ...panel,
    title: 'Cached responses by their bytes (10 … 10,000 rows)',
    curves: [
      { id: 'plain', title: 'node:http', promise: { linear: 1.1 } },
      { id: 'response', title: 'cached response, from memory', promise: { linear: 1.1, times: 1.25, of: 'plain' } },
      { id: 'plainGet', title: 'node:http + one Redis GET', promise: { linear: 1.1 } },
      { id: 'redis', title: 'cached response, entry in Redis', promise: { linear: 1.1, times: 2, of: 'plainGet' } },
    ],
  },
  {
    ...panel,
    title: 'Through GraphQL by the bytes of the answer',
    curves: [
      { id: 'graphql', title: 'hit in memory', promise: { linear: 1.1 } },
      { id: 'miss', title: 'miss: load, fill and answer', promise: { linear: 1.1 } },
    ],
  },
];

const rowCounts = [10, 100, 1_000, 10_000];
/** Few, because the data that waits for its readers is bounded, and a response has up to a megabyte. */
const connections = 8;
const fields = 'id name price stock';

export async function open(world) {
  const run = loading(world);
  const counts = world.small(rowCounts);
  const [memory, redis] = await Promise.all([world.ours(32), world.ours(0)]);
  const bodies = counts.map((count) => bodyOf(`{ rows(count: ${count}) { ${fields} } }`));
  const pairs = [];
  for (const body of bodies) {
    const answer = await warm(memory, body);
    if ((await warm(redis, body)) !== answer) throw new Error(`the servers differ in their answers to ${body}`);
    pairs.push([body, answer]);
  }
  const answersFile = new URL(`answers-${pid}.json`, world.out).pathname;
  await writeFile(answersFile, JSON.stringify({ pairs, otherwise: '{"data":{}}' }));
  const plainWith = (cache) => startPlain(world, { cache, answersFile });
  const [plain, plainGet] = await Promise.all(['memory', 'redis'].map(plainWith));

  return counts.map((count, place) => {
    const [body, answer] = pairs[place];
    const bytes = Buffer.byteLength(answer);
    // The document is always the same, so it is parsed once; each request differs by a variable that it does not use.
    const unique = bodyOf(`{ rows(count: ${count}) { ${fields} } }`, { turn: '$index' });
    const miss = bodyOf(`query Rows($turn: Int!) { rowsOnce(count: ${count}, turn: $turn) { ${fields} } }`, {
      turn: '$index',
    });
    const ways = {
      plain: [plain, body],
      response: [memory, body],
      plainGet: [plainGet, body],
      redis: [redis, body],
      graphql: [memory, unique],
      miss: [memory, miss],
    };
    return {
      x: count,
      async measure() {
        const costs = { xOf: bytes };
        for (const [way, [server, asked]] of Object.entries(ways)) {
          const { cpuUs, bodyBytes } = await run([server], asked, { connections });
          if (bodyBytes < 0.9 * bytes) throw new Error(`${way}: ${bodyBytes} bytes, ${bytes} expected`);
          costs[way] = cpuUs;
        }
        return costs;
      },
    };
  });
}
