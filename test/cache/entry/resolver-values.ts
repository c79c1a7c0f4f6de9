// Values of every kind that a resolver may return, and a comparison that finds each difference that a reader could observe.
import { types } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import * as fc from 'fast-check';

class Money {
  readonly cents = 1;
}

const realm = createContext({});
const fromOtherRealm = (code: string): unknown => runInContext(code, realm);

const withHiddenProperty = <T extends object>(value: T): T => Object.defineProperty(value, 'hidden', { value: 1 });
const withGetter = (): object => ({
  get now() {
    return 1;
  },
});
function* counting(): Generator<number> {
  yield 1;
}

/** Each call creates a new value, so that no test affects the next one. */
const oddities: readonly (() => unknown)[] = [
  () => new Money(),
  () => new Error('no'),
  () => new URL('http://a/'),
  () => /a/g,
  () => /(?<year>a)/.exec('a'),
  () => /(?<year>a)/.exec('a')?.groups,
  () => Symbol('a'),
  () => Symbol.for('a'),
  () => () => 1,
  () => Promise.resolve(1),
  () => counting(),
  () => [1][Symbol.iterator](),
  () => new Map([[1, 2]]).entries(),
  () => Object(1),
  () => Object('text'),
  () => Object(1n),
  () => new Float64Array(1),
  () => new ArrayBuffer(2),
  () => new SharedArrayBuffer(2),
  () => new DataView(new ArrayBuffer(2)),
  () => new Uint8Array(new ArrayBuffer(8), 2, 4),
  () => new Uint8Array(new SharedArrayBuffer(2)),
  () => new Uint8Array(Reflect.construct(ArrayBuffer, [2, { maxByteLength: 4 }]) as ArrayBuffer),
  () => new Uint8Array([1, 2]),
  () => Buffer.from('text').subarray(1, 3),
  () => Object.assign(Buffer.from('text'), { encoding: 'utf8' }),
  () => Object.assign(new Uint8Array(2), { [Symbol('a')]: 1 }),
  () => new (class Bytes extends Uint8Array {})(2),
  () => new (class Rows extends Array {})(),
  () => new (class Rows extends Map {})(),
  () => new (class Moment extends Date {})(),
  () => new WeakMap(),
  () => new Date(Number.NaN),
  () => Object.assign(new Date(0), { zone: 'UTC' }),
  () => Object.assign(new Map(), { next: 1 }),
  () => new Intl.NumberFormat('en'),
  () => new Proxy({ a: 1 }, {}),
  () => new Proxy([1], {}),
  () => Proxy.revocable({}, {}).proxy,
  () => withGetter(),
  () => withHiddenProperty({ a: 1 }),
  () => withHiddenProperty([1]),
  () => Object.defineProperty([1], 0, { enumerable: false }),
  () => ({ [Symbol('a')]: 1 }),
  () => Object.assign([1], { next: 'page 2' }),
  () => Object.assign(Array(3), [1, 2]),
  () => Object.create({ inherited: 1 }),
  () => Object.create(Date.prototype),
  () => Object.create(Map.prototype),
  () => Object.create(Array.prototype),
  () => Object.create(Buffer.prototype),
  () => Object.setPrototypeOf([1], null),
  () => Object.setPrototypeOf([1], Object.prototype),
  () => Object.setPrototypeOf(new Date(0), null),
  () => Object.setPrototypeOf(new Date(0), Object.prototype),
  () => Object.setPrototypeOf(new Map([[1, 2]]), null),
  () => Object.setPrototypeOf(new Set([1]), Object.prototype),
  () => Object.setPrototypeOf(new Uint8Array(2), null),
  () => Object.setPrototypeOf(new Money(), null),
  () => Object.setPrototypeOf({}, Array.prototype),
  () => fromOtherRealm('({ a: 1 })'),
  () => fromOtherRealm('[1]'),
  () => fromOtherRealm('new Date(0)'),
  () => fromOtherRealm('new Map([[1, 2]])'),
  () => fromOtherRealm('Object.create(null)'),
  () => Object.freeze({ a: [1] }),
  () => Object.seal([{ a: 1 }]),
  () => JSON.parse('{"__proto__":{"isAdmin":true}}') as unknown,
  () => Object.assign(Object.create(null), JSON.parse('{"a":{"__proto__":1}}')),
  () => Object.defineProperty(Object.create(null), '__proto__', { value: 1, enumerable: true, writable: true }),
  () => ({ toJSON: 'text', then: 1, constructor: null, hasOwnProperty: 0, valueOf: [] }),
  () => Object.assign(Object.create(null), { $: 'ref', value: 0 }),
  () => ({ $: 'ref', value: 0 }),
  () => ({ $: 'null-prototype', value: {} }),
  () => ({ b: 1, 10: 2, 9: 3, a: 4, '-1': 5, '01': 6, '': 7 }),
  () => '\ud800',
  () => '\0\u2028\u007f',
  () => 'x'.repeat(100_000),
  () => new Map<unknown, unknown>([[Object.create(null), new Map([[{}, new Set([Object.create(null)])]])]]),
];

const name = fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', 'constructor', 'toJSON', 'then', 'value', '0'));

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom<unknown>(null, undefined, true, false, '{"$":"Date"}', '$'),
  fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, Number.NaN, Infinity, -Infinity)),
  fc.bigInt(),
  fc.date(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array(),
);

const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 8, arbitrary: scalar },
    { weight: 1, arbitrary: fc.nat(oddities.length - 1).map((index) => oddities[index]?.()) },
    { weight: 3, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    { weight: 4, arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 4 }) }, // with and without a prototype
    {
      weight: 2,
      arbitrary: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)) },
  ),
})).value;

/** Values in which some objects occur several times, or contain themselves. */
export const returned: fc.Arbitrary<unknown> = fc
  .tuple(tree, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }))
  .map(([value, links]) => {
    const objects = [...objectsIn(value)];
    for (const [from, to] of links) link(objects[from % objects.length], objects[to % objects.length]);
    return value;
  });

/** Functions that each create one odd value. */
export const oddValues: readonly (() => unknown)[] = oddities;

function link(from: unknown, to: unknown): void {
  if (typeof from !== 'object' || from === null || to === undefined || !Object.isExtensible(from)) return;
  if (types.isMap(from)) Map.prototype.set.call(from, 'link', to);
  else if (types.isSet(from)) Set.prototype.add.call(from, to);
  else if (Array.isArray(from)) Array.prototype.push.call(from, to);
  else if (Object.prototype.toString.call(from) === '[object Object]') {
    Object.defineProperty(from, 'link', { value: to, enumerable: true, writable: true, configurable: true });
  }
}

function objectsIn(value: unknown, seen = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || types.isProxy(value) || seen.has(value)) return seen;
  seen.add(value);
  for (const [, item] of partsOf(value)) objectsIn(item, seen);
  return seen;
}

/** The properties, entries and items of `value` in order, with their names. */
function partsOf(value: object): [string, unknown][] {
  const own = ArrayBuffer.isView(value)
    ? []
    : Reflect.ownKeys(value).flatMap((one): [string, unknown][] => {
        const property = Object.getOwnPropertyDescriptor(value, one);
        return [[`.${String(one)}`, property !== undefined && 'value' in property ? property.value : 'accessor']];
      });
  if (types.isMap(value)) {
    const entries: [unknown, unknown][] = [...Map.prototype.entries.call(value)];
    own.push(
      ...entries.flatMap((entry, at): [string, unknown][] => [
        [`<key ${at}>`, entry[0]],
        [`<value ${at}>`, entry[1]],
      ]),
    );
  }
  if (types.isSet(value)) {
    own.push(...[...Set.prototype.values.call(value)].map((item, at): [string, unknown] => [`<item ${at}>`, item]));
  }
  return own;
}

/** The first difference that a reader could observe, or undefined. Whether the values are frozen does not count. */
export function differenceOf(
  one: unknown,
  other: unknown,
  pairs = new Map<object, object>(),
  path = '',
): string | undefined {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) {
    return Object.is(one, other) ? undefined : `${path}: not the same`;
  }
  if (one === other) return undefined;
  // One object must correspond to one object, and two to two.
  if (pairs.has(one)) return pairs.get(one) === other ? undefined : `${path}: another object`;
  if ([...pairs.values()].includes(other)) return `${path}: an object that stands elsewhere`;
  pairs.set(one, other);
  if (types.isProxy(one) !== types.isProxy(other)) return `${path}: proxy`;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return `${path}: prototype`;
  if (internalStateOf(one) !== internalStateOf(other)) return `${path}: what it is`;
  const [parts, others] = [partsOf(one), partsOf(other)];
  if (JSON.stringify(parts.map(([step]) => step)) !== JSON.stringify(others.map(([step]) => step))) {
    return `${path}: names or their order`;
  }
  for (const [index, [step, part]] of parts.entries()) {
    const difference = differenceOf(part, others[index]?.[1], pairs, path + step);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** The internal state of `value`, besides its properties. */
function internalStateOf(value: object): string {
  if (types.isDate(value)) return `date ${Date.prototype.getTime.call(value)}`;
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (value instanceof Uint8Array && types.isUint8Array(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
    const memory = Buffer.isBuffer(value) ? '' : `${value.byteOffset} of ${value.buffer.byteLength}`;
    return `bytes ${bytes} ${memory} ${types.isSharedArrayBuffer(value.buffer)}`;
  }
  const property = Object.getOwnPropertyDescriptor(value, 'length');
  return `${Array.isArray(value)} ${property?.enumerable} ${Object.prototype.toString.call(value)}`;
}
