// Values, and variants of them with one small change or none: which of them a key must distinguish, and which not.
import * as fc from 'fast-check';

export type Plain = unknown;

/** Texts that look like pieces of an encoding. */
const piece = fc.constantFrom(
  's:',
  'a',
  'b',
  '1',
  '2',
  ':',
  's1:a',
  'o1:',
  '"',
  ',',
  '\0',
  'é',
  'e\u0301',
  '\ud83e',
  '🪴',
  ' ',
);
const text = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));

const scalar = fc.oneof(
  text,
  fc.constantFrom<Plain>(null, undefined, true, false, 'null', 'undefined', 'true', 'NaN', '[object Object]', '\ufffd'),
  fc.constantFrom<Plain>(0, -0, 1, -1, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e21, 5e-324),
  fc.constantFrom<Plain>(0n, 1n, -1n, 10n ** 30n),
  fc.constantFrom(0, 1, 1.5).map((ms) => new Date(ms)), // no invalid dates: in Node 20 no two of them are equal
  fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
);

export const plain: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(text, { minLength: 2, maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

/** The arguments of a field. */
export const plainArgs: fc.Arbitrary<Record<string, Plain>> = fc.dictionary(
  fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '$', 'toString')),
  plain,
  { maxKeys: 4, noNullPrototype: true },
);

/** The parts of a key besides its field. */
export interface PlainParts {
  readonly parent?: string | number | bigint;
  readonly args?: Record<string, Plain>;
  readonly viewer?: string | number | bigint;
  readonly vary?: Plain;
}

const id = fc.oneof(
  text,
  fc.constantFrom<string | number | bigint>('0', '', 'null', 0, -0, 1, -1, 0n, 1n, 2 ** 53 - 1),
);

export const plainParts: fc.Arbitrary<PlainParts> = fc.record(
  { parent: id, args: plainArgs, viewer: id, vary: plain.filter((value) => value !== undefined) },
  { requiredKeys: [] },
);

/** `parts` with one of them changed, left out, or in place of another. */
export function twinPartsOf(parts: PlainParts, rolls: readonly number[]): PlainParts {
  const [roll = 0, ...later] = rolls;
  const { parent, args, viewer, vary } = parts;
  const changed = pick<Plain[]>(roll << 4, [
    () => [parent, twinOf(args ?? {}, later), viewer, vary],
    () => [parent, args, viewer, twinOf(vary, later)],
    () => [parent, args, twinOf(viewer, later), vary],
    () => [twinOf(parent, later), args, viewer, vary],
    () => [viewer, args, parent, vary],
    () => [parent, args, vary, viewer],
    () => [parent, { ...args, viewer }, undefined, vary],
    () => [parent, { ...args, vary }, viewer, undefined],
    () => [parent, vary, viewer, args],
    () => [parent, args, undefined, [viewer, vary]],
    () => [parent, args, viewer, undefined],
    () => [parent, args, undefined, vary],
  ]);
  const [newParent, newArgs, newViewer, newVary] = changed ?? [];
  return {
    ...(isId(newParent) ? { parent: newParent } : {}),
    ...(isRecord(newArgs) ? { args: newArgs } : {}),
    ...(isId(newViewer) ? { viewer: newViewer } : {}),
    ...(newVary === undefined ? {} : { vary: newVary }),
  };
}

/** Numbers that select where a value is changed, and how. */
export const dice = fc.array(fc.nat(), { minLength: 8, maxLength: 8 });

/** `value` with one change somewhere in it; some changes are irrelevant, such as another order of properties. */
export function twinOf(value: Plain, rolls: readonly number[]): Plain {
  const [roll = 0, ...later] = rolls;
  const isHere = roll % 3 === 0 || later.length === 0;
  if (Array.isArray(value)) return isHere ? changedItems(value, roll) : changedInside(value, [roll, later]);
  if (isRecord(value)) {
    if (isHere) return changedRecord(value, roll);
    const [names, items] = [Object.keys(value), Object.values(value)];
    const changed = changedInside(items, [roll, later]);
    return Object.fromEntries(names.map((name, index) => [name, changed[index]]));
  }
  return changedScalar(value, roll);
}

function changedInside(items: readonly Plain[], [roll, later]: [number, number[]]): Plain[] {
  if (items.length === 0) return [];
  const at = (roll >>> 2) % items.length;
  return items.map((item, index) => (index === at ? twinOf(item, later) : item));
}

function changedItems(items: readonly Plain[], roll: number): Plain {
  const [first, ...rest] = items;
  return pick<Plain>(roll, [
    () => [...items],
    () => [items],
    () => items.flat(),
    () => items.toReversed(),
    () => rest,
    () => [...items, undefined],
    () => [...items, null],
    () => [[first], rest],
    () => (Array.isArray(first) ? [[...(first as Plain[]), ...rest]] : [[], ...items]),
    () => movedBorder(items),
    () => movedBorder(items),
    () => Object.assign({}, items),
    () => JSON.stringify(items.length),
    () => null,
  ]);
}

/** Moves the border between two texts to another `s:`, which an encoding without lengths could not distinguish. */
function movedBorder([one, other, ...rest]: readonly Plain[]): Plain {
  if (typeof one !== 'string' || typeof other !== 'string') return [other, one, ...rest];
  const whole = `${one}s:${other}`;
  const first = whole.indexOf('s:');
  const at = first === one.length ? whole.lastIndexOf('s:') : first;
  return [whole.slice(0, at), whole.slice(at + 2), ...rest];
}

function changedRecord(record: Record<string, Plain>, roll: number): Plain {
  const entries = Object.entries(record);
  const [first = ['a', 1], ...rest] = entries;
  const [name, item] = first;
  return pick<Plain>(roll, [
    () => Object.fromEntries(entries.toReversed()),
    () => Object.fromEntries(rest),
    () => Object.fromEntries([[name, null], ...rest]),
    () => Object.fromEntries([[name, undefined], ...rest]),
    () => Object.fromEntries([...entries, ['z', undefined]]),
    () => Object.fromEntries([[`${name}:`, item], ...rest]),
    () => Object.fromEntries([[`${name}1`, item], ...rest]),
    () => Object.fromEntries([[name, `${String(item)}:${rest.flat().map(String).join(':')}`]]),
    () => ({ [name]: Object.fromEntries(rest) }),
    () => ({ ...Object.fromEntries(entries) }),
    () => entries,
    () => [record],
  ]);
}

function changedScalar(value: Plain, roll: number): Plain {
  return pick<Plain>(roll, [
    () => value,
    () => [value],
    () => ({ a: value }),
    () => null,
    () => undefined,
    () => '',
    () => textOf(value),
    () => `${textOf(value)}:`,
    () => Number(textOf(value)),
    () => -Number(textOf(value)),
    () => (/^-?\d+$/.test(textOf(value)) ? BigInt(textOf(value)) : 0n),
    () => (value instanceof Date ? value.getTime() : new Date(Number(textOf(value)))),
    () => Buffer.from(textOf(value)),
    () => textOf(value).normalize('NFC'),
    () => textOf(value).normalize('NFD'),
    () => textOf(value).replaceAll(/[\ud800-\udfff]/gu, '\ufffd'),
  ]);
}

function textOf(value: Plain): string {
  return String(value);
}

function pick<T>(roll: number, changes: readonly (() => T)[]): T | undefined {
  return changes[(roll >>> 4) % changes.length]?.();
}

function isId(value: Plain): value is string | number | bigint {
  return typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value);
}

function isRecord(value: Plain): value is Record<string, Plain> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
