// Random operations of two processes on values whose properties are stored apart, against a model.
//
// The model knows the properties that a read may return: those of the source, and those from before an invalidation that has not been
// made. Each property has a version that only increases, and a read must return the current one: the source changes a property
// together with `replaceField`, or all of them with an invalidation.
import { expect, it } from 'vitest';
import { pollUntil } from './processes.ts';
import { age, newNamespace, newWorld, settled, tiers, times, TestClock, type FetchCall, type World } from './world.ts';

const rounds = 25;
const stepsPerRound = 60;
const allNames = ['a', 'b', 'c', '!id', '__proto__', '1', ''];

/** `SEED=…` draws other operations. */
const seed = Number(process.env['SEED'] ?? 20_261_126);

function newRandom(from: number): (below: number) => number {
  let state = from >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A property of this version, of one of several kinds. */
function propertyOf(version: number): unknown {
  const kinds = [
    version,
    `text ${version} é🪴`,
    new Date(version),
    { version, nothing: undefined },
    [BigInt(version), -0],
    new Map([[version, new Set([version])]]),
    Buffer.from(String(version)),
    { $: 'fields', value: [String(version)] },
  ];
  return kinds[version % kinds.length];
}

class Model {
  readonly versions = new Map<string, number>();
  #next = 0;

  /** Changes all properties, and perhaps which ones there are. */
  renew(random: (below: number) => number): void {
    this.versions.clear();
    for (const name of allNames) if (random(8) > 0) this.replace(name);
  }

  replace(name: string): unknown {
    this.#next += 1;
    this.versions.set(name, this.#next);
    return propertyOf(this.#next);
  }

  only(only: readonly string[] | undefined): Record<string, unknown> {
    const names = (only ?? [...this.versions.keys()]).filter((name) => this.versions.has(name));
    return Object.fromEntries(names.map((name) => [name, propertyOf(this.versions.get(name) ?? 0)]));
  }
}

it.each(tiers)('every read on the %s store returns the current properties that it asks for', async (tier) => {
  const random = newRandom(seed);
  const some = (): string[] | undefined => (random(3) === 0 ? undefined : allNames.filter(() => random(3) === 0));
  const counts = { hit: 0, stale: 0, replaced: 0 };
  for (const _ of times(rounds, Number)) {
    const model = new Model();
    model.renew(random);
    const [namespace, clock] = [newNamespace(), new TestClock()];
    const one = await newWorld(tier, { namespace, clock });
    const two = tier === 'redis' ? await newWorld(tier, { namespace, clock }) : one;
    const call: FetchCall = {
      fields: true,
      tags: ['t'],
      ...(random(2) === 0 ? { stale: '60s' } : {}),
      load: () => model.only(undefined),
    };
    const key = one.cache.key({ field: 'Query.field' });
    const read = async ({ outcome }: World): Promise<void> => {
      const only = some();
      const fields = random(5) > 0;
      const { state, value } = await outcome({ ...call, fields, only });
      const expected = model.only(only);
      expect({ value, keys: Reflect.ownKeys(value as object) }, `SEED=${seed}`).toStrictEqual({
        value: expected,
        keys: Reflect.ownKeys(expected),
      });
      if (state === 'hit' || state === 'stale') counts[state] += 1;
    };
    const steps: ((world: World) => Promise<unknown>)[] = [
      read,
      read,
      read,
      // A process that waits for the lease of the other one asks again after a pause.
      (world) => pollUntil(Promise.all([read(world), read(one), read(two)]), one, two),
      async ({ cache }) => {
        const name = allNames[random(allNames.length)] ?? '';
        const isKnown = model.versions.has(name);
        const value = model.replace(name);
        const isReplaced = await cache.replaceField(key, name, value);
        if (isReplaced) counts.replaced += 1;
        expect(isReplaced && !isKnown).toBe(false);
      },
      async ({ cache }) => {
        model.renew(random);
        await cache.invalidate(['t']);
      },
      async (world) => age(world, random(50_000)),
      async ({ cache }) => cache.delete('Query.field'),
    ];
    for (let step = 0; step < stepsPerRound; step += 1) {
      const world = random(2) === 0 ? one : two;
      // More reads, at the beginning, than invalidations, at the end.
      await steps[Math.min(random(steps.length), random(steps.length))]?.(world);
      await settled(one);
      await settled(two);
    }
  }
  expect(Object.entries(counts).filter(([, count]) => count < 5)).toEqual([]);
});
