/**
 * `npm run compare -- [URL]`: what a value costs from the database and from the cache, as a running server reports it.
 *
 * For each query: one run to fill the cache, then pairs of a request past it and one through it, one at a time. Medians
 * and the highest of all runs, in milliseconds, by what has answered: the database, Redis, or the memory of the server
 * (`CACHE_MEMORY_MB=0` leaves that out). `request` is what the client sees, HTTP included.
 */
import { argv, stdout } from 'node:process';

const url = argv[2] ?? 'http://127.0.0.1:8000/graphql';
const pairs = 50;
const queries = {
  categoryStats: (directive) => `{ categoryStats ${directive} { id name avgRating avgPrice totalStock } }`,
  searchProducts: (directive) => `{ searchProducts(q: "steel") ${directive} { id name price category { name } } }`,
  topProducts: (directive) => `{ topProducts ${directive} { id name price category avgRating reviewCount } }`,
};

/** Both times of one request in milliseconds, and where its value came from. */
async function ask(query) {
  const startedMs = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { errors, extensions } = await response.json();
  const requestMs = performance.now() - startedMs;
  if (errors !== undefined) throw new Error(`${query}: ${errors[0].message}`);
  const [field] = extensions.cache.fields;
  return { fieldMs: field.durationMs, requestMs, source: field.tier ?? field.source };
}

function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], highest: sorted.at(-1) };
}

function row(name, source, runs) {
  const field = summary(runs.map(({ fieldMs }) => fieldMs));
  const request = summary(runs.map(({ requestMs }) => requestMs));
  const cells = [field.median, field.highest, request.median, request.highest].map((ms) => ms.toFixed(2).padStart(9));
  stdout.write(`${name.padEnd(16)}${source.padEnd(10)}${cells.join('')}\n`);
  return field.median;
}

stdout.write(
  `${'query'.padEnd(16)}${'source'.padEnd(10)}    field  highest  request  highest   (ms, ${pairs} runs each)\n`,
);
for (const [name, queryWith] of Object.entries(queries)) {
  await ask(queryWith(''));
  const runs = { database: [] };
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const directive of ['@cache(mode: BYPASS)', '']) {
      const { source, ...times } = await ask(queryWith(directive));
      (runs[source] ??= []).push(times);
    }
  }
  const [database, ...tiers] = Object.entries(runs).map(([source, each]) => row(name, source, each));
  stdout.write(`${''.padEnd(16)}${tiers.map((median) => `${Math.round(database / median)} times`).join(', ')}\n`);
}
