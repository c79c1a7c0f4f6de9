/**
 * `npm run compare`: how long a value takes from the database and from the cache, as a running server reports it.
 *
 * For each query: one request that fills the cache, then pairs of a request that bypasses it and one that uses it, one
 * at a time. The figures are medians and maxima in milliseconds, by source: the database, Redis, or the memory of the
 * server (`CACHE_MEMORY_MB=0` turns that off). `request` is what the client measures, including HTTP.
 */
import { stderr, stdout } from 'node:process';
import { Command, InvalidArgumentError } from 'commander';

const requestMsMax = 30_000;
const queries = {
  categoryStats: (directive) => `{ categoryStats ${directive} { id name avgRating avgPrice totalStock } }`,
  searchProducts: (directive) => `{ searchProducts(q: "steel") ${directive} { id name price category { name } } }`,
  topProducts: (directive) => `{ topProducts ${directive} { id name price category avgRating reviewCount } }`,
};

await new Command('npm run compare --')
  .description('Compares the database with the cache of a running server, for each of the three queries of the shop.')
  .argument('[url]', 'the GraphQL endpoint', httpUrl, 'http://127.0.0.1:8000/graphql')
  .option('--pairs <number>', 'pairs of requests per query', pairCount, 50)
  .showHelpAfterError('(--help shows the usage)')
  .action(compare)
  .parseAsync()
  .catch((error) => {
    clearProgress();
    stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });

async function compare(url, { pairs }) {
  const heading = `${'query'.padEnd(16)}${'source'.padEnd(10)}    field  highest  request  highest`;
  for (const [index, [name, queryWith]] of Object.entries(queries).entries()) {
    await ask(url, queryWith(''));
    const runs = { database: [] };
    for (let pair = 1; pair <= pairs; pair += 1) {
      progress(`${name}: pair ${pair} of ${pairs}`);
      for (const directive of ['@cache(mode: BYPASS)', '']) {
        const { source, ...times } = await ask(url, queryWith(directive));
        (runs[source] ??= []).push(times);
      }
    }
    clearProgress();
    if (index === 0) stdout.write(`${heading}   (ms, ${pairs} runs each)\n`);
    const [database, ...tiers] = Object.entries(runs).map(([source, each]) => row(name, source, each));
    stdout.write(`${''.padEnd(16)}${tiers.map((median) => `${Math.round(database / median)} times`).join(', ')}\n`);
  }
}

/** Both times of one request in milliseconds, and the source of its value. */
async function ask(url, query) {
  const startedMs = performance.now();
  const { errors, extensions } = await answerOf(url, query);
  const requestMs = performance.now() - startedMs;
  if (errors !== undefined) throw new Error(`${url} rejected ${query}: ${errors[0]?.message}${hintFor(query)}`);
  const field = extensions?.cache?.fields?.[0];
  if (field === undefined) throw new Error(`${url} does not report its cache: start the server with CACHE_REPORT=on`);
  return { fieldMs: field.durationMs, requestMs, source: field.tier ?? field.source };
}

async function answerOf(url, query) {
  let response;
  let text;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(requestMsMax),
    });
    text = await response.text();
  } catch (error) {
    const why = error.cause?.code ?? error.cause?.message ?? error.message;
    throw new Error(`${url} cannot be reached (${why}): start the server with npm start, or name another URL`, {
      cause: error,
    });
  }
  try {
    const answer = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) return answer;
  } catch {
    // Reported below.
  }
  throw new Error(`${url} answered ${response.status} without GraphQL: the URL must be that of a GraphQL endpoint`);
}

function hintFor(query) {
  return query.includes('@cache') ? ' (@cache needs a server with CONSOLE=on)' : '';
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

/** Writes to stderr, so that a redirected table does not contain it; in a terminal, to one line that is overwritten. */
function progress(text) {
  if (stderr.isTTY) stderr.write(`\r\x1b[K${text}`);
  else if (text.includes(': pair 1 of')) stderr.write(`${text}…\n`);
}

function clearProgress() {
  if (stderr.isTTY) stderr.write('\r\x1b[K');
}

function httpUrl(text) {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be a URL that begins with http:// or https://.');
}

function pairCount(text) {
  if (/^\d{1,4}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
}
