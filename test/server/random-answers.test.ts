// Random documents are answered without GraphQL as GraphQL answers them, to the byte. `CASES=10000` asks as many, `SEED=…`
// repeats a run that failed.
import { describe, expect, it } from 'vitest';
import { newDice, type Dice } from './dice.ts';
import { randomDocument, type RandomDocument } from './random-documents.ts';
import { newShopWorld, newZooWorld, type RandomWorld } from './random-worlds.ts';
import type { Overrides } from './start-server.ts';
import { startTwins, type Asked, type Reply, type Sender, type Twins } from './server-pair.ts';

const cases = Number(process.env['CASES'] ?? 600);
const seed = Number(process.env['SEED'] ?? 20_261_126);

/** The last has ready answers that the store is asked for. */
const settings: [string, Overrides][] = [
  ['with a report', { hasReport: true }],
  ['without a report', { hasReport: false }],
  ['without a memory tier', { hasReport: true, memoryBytesMax: 0 }],
];
const worlds: [string, () => RandomWorld | Promise<RandomWorld>][] = [
  ['the shop', newShopWorld],
  ['a zoo', newZooWorld],
];
/** Not by the dice, which may leave so few out that nothing is seen to change. */
const changeEvery = 12;
const casesEach = cases / settings.length / worlds.length;

describe.each(worlds)('over %s', (name, newWorld) => {
  it.each(settings)(
    'random documents have the same answers ready, %s',
    async (setting, overrides) => {
      const world = await newWorld();
      const twins = await startTwins({ ...world.overrides, ...overrides });
      const memory = twins.caches[0]?.memory;
      await expect.poll(() => memory?.isCoherent ?? true).toBe(true);
      const dice = newDice(seed + settings.findIndex(([one]) => one === setting));
      const counts = { valid: 0, ready: 0, changed: 0 };
      let earlier: { asked: Asked; sender: Sender; reply: Reply }[] = [];
      const startedMs = performance.now();
      for (let number = 0; number < casesEach; number += 1) {
        const document = randomDocument({ ...world.choices, dice });
        const asked = randomAsked(dice, document);
        const [first, sender] = [randomSender(dice), randomSender(dice)];
        await twins.ready(asked, first);
        world.tick();
        const through = await twins.ready(asked, first);
        world.tick();
        const reply = await expectSame(twins, asked, sender);
        counts.valid += Number(reply.isValid);
        counts.ready += Number(reply.isReady);
        if (reply.isReady) expectSameReport(reply, through, asked);
        if (reply.isReady) earlier = [...earlier.slice(-4), { asked, sender, reply }];

        if (dice.chance(30)) await expectSame(twins, nearTwin(dice, asked, document), randomSender(dice));
        if (number % changeEvery !== changeEvery - 1) continue;
        const tags = await world.change(dice);
        for (const cache of twins.caches) await cache.invalidate(tags);
        for (const one of earlier) {
          // Where others have brought the new values to memory, the answers of the old ones are still none.
          const another = { ...one.asked, query: `${one.asked.query}\n#` };
          const times = dice.oneOf([0, 0, 2]);
          for (let again = 0; again < times; again += 1) await twins.ready(another, one.sender);
          const now = await expectSame(twins, one.asked, one.sender);
          counts.changed += Number(JSON.stringify(now.comparable) !== JSON.stringify(one.reply.comparable));
        }
        earlier = [];
      }
      const perSecond = Math.round(casesEach / ((performance.now() - startedMs) / 1_000));
      process.stderr.write(`${name}, ${setting}: ${JSON.stringify({ seed, perSecond, ...counts })}\n`);
      expect(counts.ready / counts.valid).toBeGreaterThan(0.25);
      expect(counts.changed).toBeGreaterThan(0);
    },
    600_000,
  );
});

async function expectSame(twins: Twins, asked: Asked, sender: Sender): Promise<Reply> {
  const [reply, expected] = [await twins.ready(asked, sender), await twins.plain(asked, sender)];
  told({ ...asked, ...sender, isReady: reply.isReady }, () => {
    expect(reply.comparable).toEqual(expected.comparable);
    expect(reply.isReady ? reply.http : expected.http).toEqual(expected.http);
  });
  return reply;
}

/** A ready answer's report is what GraphQL said, but for times, and for what held the values. */
function expectSameReport(reply: Reply, usual: Reply, asked: Asked): void {
  const differing = new Set(['durationMs', 'ageMs', 'ttlMs', 'tier']);
  const textOf = ({ report }: Reply): string =>
    JSON.stringify(report, (name, value: unknown) => (differing.has(name) ? 'any' : value)) ?? 'none';
  told(asked, () => expect(textOf(reply)).toBe(textOf(usual)));
}

/** A failure tells the request, and how to repeat it. */
function told({ query, ...rest }: Asked & Partial<Sender & Reply>, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new Error(`SEED=${seed} CASES=${cases}\n${query}\n${JSON.stringify(rest)}`, { cause });
  }
}

const accepted = ['application/json', 'application/graphql-response+json', undefined, '*/*'];

function randomAsked(dice: Dice, { query, variables, operationName }: RandomDocument): Asked {
  const method = dice.chance(20) ? 'GET' : 'POST';
  return { query, variables, operationName, method, accept: dice.oneOf(accepted) };
}

function randomSender(dice: Dice): Sender {
  return { isAdmin: dice.chance(50), language: dice.oneOf(['de', 'en']) };
}

/** The same request but for one thing. */
function nearTwin(dice: Dice, asked: Asked, document: RandomDocument): Asked {
  const { otherVariables: variables, operationNames } = document;
  if (operationNames.length > 1) return { ...asked, operationName: dice.oneOf(operationNames) };
  return dice.oneOf<() => Asked>([
    () => ({ ...asked, variables }),
    () => ({ ...asked, variables }),
    () => ({ ...asked, operationName: dice.oneOf([undefined, 'None', ...operationNames]) }),
    () => ({ ...asked, accept: dice.oneOf(accepted) }),
    () => ({ ...asked, method: asked.method === 'GET' ? 'POST' : 'GET' }),
  ])();
}
