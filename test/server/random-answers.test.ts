// Cached responses to random documents equal executed ones byte for byte. `CASES=10000` sets the number of documents,
// `SEED=…` repeats a run that failed.
import { describe, expect, it } from 'vitest';
import { newDice, type Dice } from './dice.ts';
import { randomDocument, type RandomDocument } from './random-documents.ts';
import { newShopWorld, newZooWorld, type RandomWorld } from './random-worlds.ts';
import type { Overrides } from './start-server.ts';
import { startServerPair, type GraphqlRequest, type Reply, type Sender, type ServerPair } from './server-pair.ts';

const cases = Number(process.env['CASES'] ?? 600);
const seed = Number(process.env['SEED'] ?? 20_261_126);

/** With the last one, cached responses are revalidated in the store. */
const settings: [string, Overrides][] = [
  ['with a report', { hasReport: true }],
  ['without a report', { hasReport: false }],
  ['without a memory tier', { hasReport: true, memoryBytesMax: 0 }],
];
const worlds: [string, () => RandomWorld | Promise<RandomWorld>][] = [
  ['the shop', newShopWorld],
  ['a zoo', newZooWorld],
];
/** Fixed, not random: otherwise a run could have so few changes that no response shows one. */
const changeEvery = 12;
const casesEach = cases / settings.length / worlds.length;

describe.each(worlds)('with the schema and data of %s', (name, newWorld) => {
  it.each(settings)(
    'random documents have the same cached and executed responses, %s',
    async (setting, overrides) => {
      const world = await newWorld();
      const servers = await startServerPair({ ...world.overrides, ...overrides });
      const memory = servers.caches[0]?.memory;
      await expect.poll(() => memory?.isCoherent ?? true).toBe(true);
      const dice = newDice(seed + settings.findIndex(([one]) => one === setting));
      const counts = { valid: 0, cached: 0, changed: 0 };
      let earlier: { request: GraphqlRequest; sender: Sender; reply: Reply }[] = [];
      const startedMs = performance.now();
      for (let number = 0; number < casesEach; number += 1) {
        const document = randomDocument({ ...world.choices, dice });
        const request = randomRequest(dice, document);
        const [first, sender] = [randomSender(dice), randomSender(dice)];
        await servers.caching(request, first);
        world.tick();
        const executed = await servers.caching(request, first);
        world.tick();
        const reply = await expectSame(servers, request, sender);
        counts.valid += Number(reply.isValid);
        counts.cached += Number(reply.isCached);
        if (reply.isCached) expectSameReport(reply, executed, request);
        if (reply.isCached) earlier = [...earlier.slice(-4), { request, sender, reply }];

        if (dice.chance(30)) await expectSame(servers, similarRequest(dice, request, document), randomSender(dice));
        if (number % changeEvery !== changeEvery - 1) continue;
        const tags = await world.change(dice);
        for (const cache of servers.caches) await cache.invalidate(tags);
        for (const one of earlier) {
          // The cached response with the old values must not be used even if another request has loaded the new ones.
          const another = { ...one.request, query: `${one.request.query}\n#` };
          const times = dice.oneOf([0, 0, 2]);
          for (let again = 0; again < times; again += 1) await servers.caching(another, one.sender);
          const now = await expectSame(servers, one.request, one.sender);
          counts.changed += Number(JSON.stringify(now.comparable) !== JSON.stringify(one.reply.comparable));
        }
        earlier = [];
      }
      const perSecond = Math.round(casesEach / ((performance.now() - startedMs) / 1_000));
      process.stderr.write(`${name}, ${setting}: ${JSON.stringify({ seed, perSecond, ...counts })}\n`);
      expect(counts.cached / counts.valid).toBeGreaterThan(0.25);
      expect(counts.changed).toBeGreaterThan(0);
    },
    600_000,
  );
});

async function expectSame(servers: ServerPair, request: GraphqlRequest, sender: Sender): Promise<Reply> {
  const [reply, expected] = [await servers.caching(request, sender), await servers.plain(request, sender)];
  describeFailure({ ...request, ...sender, isCached: reply.isCached }, () => {
    expect(reply.comparable).toEqual(expected.comparable);
    expect(reply.isCached ? reply.http : expected.http).toEqual(expected.http);
  });
  return reply;
}

/** The report of a cached response equals that of the executed one, except for times and the tier of the values. */
function expectSameReport(reply: Reply, executed: Reply, request: GraphqlRequest): void {
  const differing = new Set(['startMs', 'durationMs', 'ageMs', 'ttlMs', 'tier']);
  const textOf = ({ report }: Reply): string =>
    JSON.stringify(report, (name, value: unknown) => (differing.has(name) ? 'any' : value)) ?? 'none';
  describeFailure(request, () => expect(textOf(reply)).toBe(textOf(executed)));
}

/** Adds the request to the error of a failed check, and the settings that repeat the run. */
function describeFailure({ query, ...rest }: GraphqlRequest & Partial<Sender & Reply>, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new Error(`SEED=${seed} CASES=${cases}\n${query}\n${JSON.stringify(rest)}`, { cause });
  }
}

const accepted = ['application/json', 'application/graphql-response+json', undefined, '*/*'];

function randomRequest(dice: Dice, { query, variables, operationName }: RandomDocument): GraphqlRequest {
  const method = dice.chance(20) ? 'GET' : 'POST';
  return { query, variables, operationName, method, accept: dice.oneOf(accepted) };
}

function randomSender(dice: Dice): Sender {
  return { isAdmin: dice.chance(50), language: dice.oneOf(['de', 'en']) };
}

/** The same request with one difference. */
function similarRequest(dice: Dice, request: GraphqlRequest, document: RandomDocument): GraphqlRequest {
  const { otherVariables: variables, operationNames } = document;
  if (operationNames.length > 1) return { ...request, operationName: dice.oneOf(operationNames) };
  return dice.oneOf<() => GraphqlRequest>([
    () => ({ ...request, variables }),
    () => ({ ...request, variables }),
    () => ({ ...request, operationName: dice.oneOf([undefined, 'None', ...operationNames]) }),
    () => ({ ...request, accept: dice.oneOf(accepted) }),
    () => ({ ...request, method: request.method === 'GET' ? 'POST' : 'GET' }),
  ])();
}
