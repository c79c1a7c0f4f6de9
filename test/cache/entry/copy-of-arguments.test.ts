// Copies of arguments, which a load may change.
import { expect, it } from 'vitest';
import { ClassCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { copyOfArguments } from '../../../src/cache/entry/copy-of-arguments.ts';
import { createKey } from '../../../src/cache/entry/key.ts';
import { noteIdentity } from '../../../src/cache/index.ts';

/** What a resolver may receive: GraphQL makes input objects with and without a prototype. */
function newArguments(): Record<string, unknown> {
  const range = Object.assign(Object.create(null) as object, { from: 1, ids: ['a', null] });
  return {
    ...{ limit: 2, none: undefined, nothing: null, big: 10n, filter: { range, lists: [[1], [{ deep: true }]] } },
    ...{ at: new Date(5), bytes: Buffer.from('ab'), array: new Uint8Array([1, 2]) },
    ...JSON.parse('{"__proto__":{"isKept":true}}'),
  };
}

it('are equal, with the same prototypes', () => {
  const args = newArguments();
  const copy = copyOfArguments(args);
  expect(copy).toStrictEqual(args);
  expect(Object.keys(copy)).toEqual(Object.keys(args));
  expect(createKey('n', { field: 'f', args: copy }).text).toBe(createKey('n', { field: 'f', args }).text);
  const { range } = copy['filter'] as { range: object };
  expect(Object.getPrototypeOf(range)).toBeNull();
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(Buffer.isBuffer(copy['bytes'])).toBe(true);
});

it('share nothing that can be changed', () => {
  const args = newArguments();
  const shared: unknown[] = [];
  const compare = (one: unknown, other: unknown): void => {
    if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return;
    if (one === other) shared.push(one);
    for (const [name, item] of Object.entries(one))
      compare(item, Object.entries(other).find(([of]) => of === name)?.[1]);
  };
  compare(args, copyOfArguments(args));
  expect(shared).toEqual([]);
});

it('keep instances, and objects that are known by identity', () => {
  const colour = { red: 255 };
  noteIdentity(colour, 'Colour.RED');
  class Money {
    readonly cents = 1;
  }
  const money = new Money();
  const hidden = Object.defineProperty({}, 'hidden', { value: 1 });
  const copy = copyOfArguments({ colour, list: [money, hidden] });
  expect(copy['colour']).toBe(colour);
  const [first, second] = copy['list'] as unknown[];
  expect(first).toBe(money);
  expect(second).toBe(hidden);
});

it('a key keeps the arguments that it was made of', () => {
  const args = { filter: { ids: [1] } };
  const key = createKey('n', { field: 'f', args }, new ClassCodecs([], () => {}));
  args.filter.ids.push(2);
  expect(key.args).toEqual({ filter: { ids: [1] } });
});
