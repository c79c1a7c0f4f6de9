/**
 * The requests that play.sh sends to the app, and the checks of the responses. It needs only Node: play.sh runs it in a
 * container of the app's image, on the pods' network, where the app has the name of its Service.
 *
 *   first               waits for /livez; prints when it answered (ms since 1970)
 *   ready               waits for /readyz
 *   compare             the document of GraphiQL's tab Compare, twice; the second run must hit, and return equal values
 *   load SECONDS        two clients that request cached values, two that request new ones, and the readiness probe;
 *                       a line of JSON for each response
 *   judge FILE WHAT DOWN UP    checks the lines in FILE about an outage of WHAT (redis, postgres) from DOWN to UP
 */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

const address = 'http://cache-demo-app:8000';
const waitMsMax = 60_000;
// How long a response may take during an outage: connecting is given up after 1 s, and the query adds 0.35 s at most.
const answerMsMax = 3_000;

const [verb = '', ...words] = process.argv.slice(2);
const verbs = { first, ready, compare, load, judge };
await verbs[verb](...words);

async function first() {
  say(await firstSuccessAt('/livez'));
}

async function ready() {
  await firstSuccessAt('/readyz');
}

async function compare() {
  const { tabs } = await import('/app/dist/src/console/tabs.js');
  const { query } = tabs.find((tab) => tab.query.includes('query Compare'));
  await ask({ query });
  const { data, extensions, errors } = await ask({ query });
  const rows = extensions?.cache.fields ?? [];
  for (const { path, source, state, tier, durationMs } of rows)
    say(
      `  ${path.join('.').padEnd(16)}${source.padEnd(10)}${state.padEnd(8)}${(tier ?? '').padEnd(7)}${durationMs} ms`,
    );
  const hits = rows.filter(({ state, tier }) => state === 'hit' && tier === 'redis');
  if (errors !== undefined || rows.length !== 6 || hits.length !== 3) fail('Compare did not hit three times');
  for (const name of ['stats', 'top', 'search'])
    if (!isDeepStrictEqual(data[`${name}Database`], data[`${name}Cached`])) fail(`${name}: cache and database differ`);
}

async function load(seconds) {
  const until = Date.now() + Number(seconds) * 1_000;
  const cached = ['{ categoryStats { id } }', '{ topProducts(perCategory: 1) { id } }'];
  for (const query of cached) await ask({ query });
  let sent = 0;
  const askUntil = async (kind, nextQuery) => {
    while (Date.now() < until) {
      const at = Date.now();
      const { errors, extensions } = await ask({ query: nextQuery() }).catch((error) => ({ errors: [error] }));
      const code = errors && (errors[0].extensions?.code ?? errors[0].message);
      const { source, state } = extensions?.cache?.fields[0] ?? {};
      say(JSON.stringify({ kind, at, ms: Date.now() - at, code, source, state }));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const uncached = () => `{ searchProducts(q: "nothing ${at36()} ${(sent += 1)}") { id } }`;
  await Promise.all([
    ...cached.map((query) => askUntil('cached', () => query)),
    askUntil('uncached', uncached),
    askUntil('uncached', uncached),
    probeUntil(until),
  ]);
}

/** Like the manifest's readiness probe: an outage must not remove the app's pod from its Service. */
async function probeUntil(until) {
  while (Date.now() < until) {
    const at = Date.now();
    const code = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(3_000) }).then(
      ({ ok, status }) => (ok ? undefined : status),
      ({ message }) => message,
    );
    say(JSON.stringify({ kind: 'probe', at, ms: Date.now() - at, code }));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function judge(file, what, down, up) {
  const rows = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const requests = rows.filter(({ kind }) => kind !== 'probe');
  const within = requests.filter(({ at, ms }) => at + ms >= Number(down) && at < Number(up));
  const failed = rows.filter(({ code }) => code !== undefined);
  const [cachedFailed, uncachedFailed, probesFailed] = ['cached', 'uncached', 'probe'].map((kind) =>
    failed.filter((row) => row.kind === kind),
  );
  const slowest = Math.max(...rows.map(({ ms }) => ms));
  // Recovered: queries of PostgreSQL succeed again, or there are hits in Redis again.
  const isBack = ({ kind, code, state }) =>
    what === 'redis' ? state === 'hit' : kind === 'uncached' && code === undefined;
  const back = rows.filter((row) => row.at >= Number(up) && isBack(row)).map(({ at, ms }) => at + ms);
  say(
    `  ${requests.length} requests, ${within.length} of them while it was away; failed: ${cachedFailed.length} of what is cached, ` +
      `${uncachedFailed.length} of what is not; slowest ${slowest} ms; back ${Math.min(...back) - Number(up)} ms after its start`,
  );
  if (within.filter(({ code }) => code === undefined).length < 20) fail('too few requests were answered meanwhile');
  if (back.length === 0) fail('it did not recover');
  if (slowest > answerMsMax) fail(`an answer took more than ${answerMsMax} ms`);
  if (probesFailed.length > 0) fail(`not ready: ${JSON.stringify(probesFailed[0])}`);
  if (cachedFailed.length > 0) fail(`failed although cached: ${JSON.stringify(cachedFailed[0])}`);
  const allowed = what === 'postgres' ? ['DATABASE_UNAVAILABLE'] : [];
  const other = failed.find(({ code }) => !allowed.includes(code));
  if (other !== undefined) fail(`failed: ${JSON.stringify(other)}`);
  const unexpected = what === 'postgres' && uncachedFailed.length === 0;
  if (unexpected) fail('nothing failed: PostgreSQL was not away');
}

/** Waits until `path` returns 200; returns when it did. */
async function firstSuccessAt(path) {
  const until = Date.now() + waitMsMax;
  while (Date.now() < until) {
    const isOk = await fetch(address + path, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isOk) return Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return fail(`${path} did not answer within ${waitMsMax} ms`);
}

async function ask(body) {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  return await response.json();
}

function at36() {
  return Date.now().toString(36);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(reason) {
  process.stderr.write(`FAILED: ${reason}\n`);
  process.exit(1);
}
